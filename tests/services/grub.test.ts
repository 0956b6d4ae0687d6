import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { grubMenu } from "../unit/supervisor/grub-menu.ts";
import { program } from "./programs.ts";

const OLD = "/nix/store/00000000000000000000000000000000-old";
const NEW = "/nix/store/11111111111111111111111111111111-new";

/** The program that starts first: the new system's fails, so that the kernel panics. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
case $(/bin/busybox cat /proc/cmdline) in
  *init=${NEW}/init*) echo "started: new" >/dev/ttyS0; exit 1 ;;
esac
echo "started: old" >/dev/ttyS0
/bin/busybox poweroff -f
`;

/** A disk whose first partition is FAT, as the fleet's /boot is, with GRUB for BIOS. */
const DISK = `set -eu
cd /work
mkdir -p tree/bin tree/dev tree/proc
cp /usr/bin/busybox tree/bin/
cp init tree/init
chmod +x tree/init
(cd tree && busybox find . | busybox cpio -o -H newc) >initrd
grub-mkimage -O i386-pc -o core.img -p '(hd0,msdos1)/grub' biosdisk part_msdos fat normal linux test loadenv serial terminal
truncate -s 64M disk
printf '\\200\\000\\000\\000\\016\\000\\000\\000\\000\\010\\000\\000\\000\\370\\001\\000' | dd of=disk bs=1 seek=446 conv=notrunc
dd if=/usr/lib/grub/i386-pc/boot.img of=disk bs=440 count=1 conv=notrunc
printf '\\125\\252' | dd of=disk bs=1 seek=510 conv=notrunc
dd if=core.img of=disk bs=512 seek=1 conv=notrunc
mformat -i disk@@1M -T 129024 -h 16 -s 63 ::
mmd -i disk@@1M ::grub ::kernels
mcopy -i disk@@1M /boot/vmlinuz-* ::kernels/kernel
mcopy -i disk@@1M initrd ::kernels/initrd
mcopy -i disk@@1M boot/grub/grub.cfg boot/grub/grubenv ::grub
grub-script-check boot/grub/grub.cfg
`;

/** Starts the computer until it powers off, and prints what its serial console showed. */
const START = `qemu-system-x86_64 -machine pc,accel=tcg -m 256 -display none -monitor none -no-user-config -nodefaults \
  -L /usr/share/seabios -L /usr/share/qemu -serial file:/work/serial -drive file=/work/disk,format=raw,if=ide
mcopy -n -o -i disk@@1M ::grub/grubenv boot/grub/grubenv`;

const ENTER = `root=$1 work=$2
mount --make-rprivate /
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$work" "$root/work"
exec chroot "$root" dash -euc "$3"`;

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "pantheros-grub-"));
});
afterEach(() => rmSync(work, { recursive: true }));

const inside = (script: string): void => {
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [
      "--mount",
      "--fork",
      "--kill-child",
      "sh",
      "-euc",
      ENTER,
      "sh",
      program("bootRoot"),
      work,
      `cd /work\n${script}`,
    ],
    {
      encoding: "utf8",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/tmp", MTOOLS_SKIP_CHECK: "1" },
    },
  );
  if (status !== 0) throw new Error(`exit ${status}\n${stdout}${stderr}`);
};

/** Calls functions of the supervisor with the computer's files as the host's. */
const supervisor = (script: string): string => {
  const parts = resolve("nix/modules/deployment/supervisor");
  const { status, stdout, stderr } = spawnSync(
    "sh",
    ["-euc", `root=$1 quick_seconds=60\n. "$2/reboot.sh"\n${script}`, "sh", work, parts],
    { encoding: "utf8" },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trim();
};

// A kernel needs seconds in an emulated computer that has the processor for itself, and minutes otherwise.
test("GRUB starts the new system once; its kernel panics, and the old system comes up", () => {
  const params = "console=ttyS0 panic=1 quiet no_timer_check";
  const body = (init: string) => `linux /kernels/kernel init=${init} ${params}\ninitrd /kernels/initrd`;
  spawnSync("mkdir", ["-p", join(work, "boot/grub")]);
  const serial = "serial --unit=0\nterminal_output serial\n";
  writeFileSync(join(work, "boot/grub/grub.cfg"), serial + grubMenu(OLD, [NEW, OLD], body));
  writeFileSync(join(work, "init"), INIT);
  expect(supervisor(`grub_start_once "$(grub_entry ${NEW})"; cat "$root/boot/grub/grubenv"`)).toContain(
    "next_entry=NixOS - All configurations>NixOS - Configuration 2 (2026-01-01 - 26.05)",
  );

  inside(`(${DISK}) >log 2>&1 || { cat log; exit 1; }`);
  inside(START);
  const started = readFileSync(join(work, "serial"), "utf8").match(
    /started: \w+|Kernel panic - not syncing/g,
  );
  expect(started).toEqual(["started: new", "Kernel panic - not syncing", "started: old"]);
  expect(readFileSync(join(work, "boot/grub/grubenv"), "utf8")).not.toMatch(/^next_entry=./m);
}, 1_800_000);
