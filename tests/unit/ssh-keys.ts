/** Public SSH keys, `TYPE BASE64`, made by ssh-keygen for the tests; their private halves were thrown away. */
export const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIvKeKqdGx+70KllDQYtLdGu1osSNqbirF6vS3pL9RvF";
export const ED25519_OTHER =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMf1smna+oyoidUIkaoIH+FUooVkf4v8d104ysDztzU2";
export const ECDSA =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKaadmkxccxmUzfpbY7sZhnueEIz6CdKmBlVrFPZjh4hqh2mCo4IfNAJfpOarI9j+kuzL5rVm9asm7BgFgHQ40I=";
export const RSA =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDcv7ydKOVKBtsq/vDGXa9r81m1X8JPejdy0O5Zleo4Sy9t/vTqWnnB5UIZPEQOdSe4NaxZW0CDFgh6AkPTFg9mn6LqiDBllaxKlQ98X0Uf/5H47sbTJJ6jywt0uArXoucr/MinlB1uL9ZPC6moil2cqafTW4IoR6yj9LYgCZIX4luBXEgNNeZ10X922xoyIdAmWMyHOTXmp4y9/ftYkEw+H9l3zyy1eWyFaLdWL/I9vqO6YBP1UXR3nB//zBjggqxu+xrdcz1hwk6OniYrCFD43nvJ4BfVbd+Z0QzcBqmuFGJXdf+PQWLND2a7hXwMjjRlQbDBl51OJw+EOgY2nJn5";
