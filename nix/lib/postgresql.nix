# PostgreSQL's settings and who may connect. Pure; `services.postgresql` of the machines.
{
  # Through the socket, as the system user with the role's name; root may also be postgres.
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
