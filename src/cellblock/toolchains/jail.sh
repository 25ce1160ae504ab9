#!/bin/sh
# jail.sh ROOT MOUNT-POINT COMPONENT NAME=VALUE… COMMAND…
# Run by root in namespaces of its own (no network): COMMAND sees the tree read-only, its component writable
# at MOUNT-POINT, an empty /tmp, and nothing of the host; it is nobody and cannot become anyone else.
set -eu

root=$1 mount_point=$2 component=$3
shift 3

mount --bind "$root" "$root"
mount -o remount,bind,ro,nosuid "$root"
mount -t tmpfs -o mode=0755 tmpfs "$root/opt"
mkdir -p "$root$mount_point"
mount --bind -o nosuid,nodev "$component" "$root$mount_point"
mount -t proc proc "$root/proc"
# The tree has nodes of its own only where whoever made it could make nodes.
mount -t tmpfs -o mode=0755,nosuid,noexec tmpfs "$root/dev"
for name in null zero full random urandom; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"

cd "$root"
exec chroot "$root" /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all /usr/bin/env --ignore-environment "$@"
