#!/usr/bin/env bash
# Run the test command in a bare Debian: python3 and python3-venv, but no Go, no compiler, no FUSE.
# Needs root and debootstrap. Arguments: the folder to install into; then a command other than
# "python3 tools/dev.py test", to be run in a copy of the committed files.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:?the folder to install into}
command=("${@:2}")
((${#command[@]})) || command=(python3 tools/dev.py test)

[[ -e $root/usr/bin/python3 ]] ||
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root"
# The network of this machine: its resolver, its certificate authorities, and pip's settings.
for file in /etc/{resolv.conf,hosts,pip.conf} /etc/ssl/certs/ca-certificates.crt; do
  [[ ! -e $file ]] || install -D -m 644 "$file" "$root$file"
done
network=()
for name in PIP_CERT PIP_INDEX_URL SSL_CERT_FILE GOPROXY; do
  [[ -z ${!name:-} ]] || network+=("$name=${!name}")
done

rm -rf "$root/checksig"
mkdir "$root/checksig"
git archive HEAD | tar -x -C "$root/checksig"
# A mount namespace of its own: what is mounted ends with it.
# shellcheck disable=SC2016
exec unshare --mount --pid --fork bash -ec '
  mount -t proc proc "$1/proc"
  mount --rbind /dev "$1/dev"
  exec chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    bash -ec "cd /checksig; exec \"\$@\"" bash "${@:2}"' bash "$root" env "${network[@]}" "${command[@]}"
