# What PostgreSQL reads: who may connect, and settings. Pure; `services.postgresql` of the machines.
{
  # Through the socket, as the system user of the role's name; root is postgres too.
  authentication = ''
    local all postgres peer map=postgres
    local all all peer
  '';
  identMap = ''
    postgres root postgres
    postgres postgres postgres
  '';
  settings = {sharedBuffersMb}: {
    shared_buffers = "${toString sharedBuffersMb}MB";
    listen_addresses = "";
    log_min_duration_statement = 1000;
  };
}
