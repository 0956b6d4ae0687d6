# How blackbox_exporter probes a public name: a module of its configuration.
{
  prober = "http";
  timeout = "10s";
  http = {
    fail_if_not_ssl = true;
    # With single sign-on, a healthy service redirects to it or refuses, seen from outside.
    valid_status_codes = [200 302 303 401];
    follow_redirects = false;
  };
}
