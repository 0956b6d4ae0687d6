/** States from before deployer/ hold this path in the commands of tailnet devices, and run it when a device goes. */
import "../../../deployer/tailnet-device/main.ts";
