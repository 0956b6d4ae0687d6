/** Older states contain this path in the commands of tailnet devices, and run it when a device is removed. */
import "../../../deployer/tailnet-device/main.ts";
