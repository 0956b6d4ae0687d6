# How blackbox_exporter asks after a public name: a module of its configuration.
{
  prober = "http";
  timeout = "10s";
  http = {
    fail_if_not_ssl = true;
    # Where sign-on stands in front, being sent to it, or being refused, is what health looks like from outside.
    valid_status_codes = [200 302 303 401];
    follow_redirects = false;
  };
}
