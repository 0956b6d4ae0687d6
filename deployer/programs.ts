/**
 * The programs that resources start, by their paths from the project's directory, where the engine starts its plugins. States hold
 * the command of `tailnetDevice` until the device is gone; components/tailnet/device/main.ts has the path of states from before.
 */
export const PROGRAMS = {
  deploy: "deployer/deploy/deploy.sh",
  prefetch: "deployer/prefetch/main.ts",
  install: "deployer/install/main.ts",
  installFacts: "deployer/install/facts.sh",
  installWatchdog: "deployer/install/watchdog.ts",
  compareClosures: "deployer/closures/main.ts",
  hostKey: "deployer/host-key.sh",
  jump: "deployer/jump.sh",
  deliverSecret: "deployer/secrets/deliver.sh",
  tailnetDevice: "deployer/tailnet-device/main.ts",
} as const;

/** Runs a program of TypeScript with the Node of this run; PANTHEROS_NODE is part of the command's environment. */
export const nodeCommand = (program: string): string => `exec "$PANTHEROS_NODE" ${program}`;
