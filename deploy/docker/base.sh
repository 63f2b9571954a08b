#!/bin/sh
# Makes the bases of the images out of Debian's packages: `deploy/docker/base.sh`; quick where they are there already.
#   shodhana-build  Python with venv, to build in
#   shodhana-base   Python and nothing else: no shell, no package manager
# Needs mmdebstrap and podman. MIRROR: a Debian mirror or a file of sources; else apt's own.
set -eu
suite=bookworm
sources=/etc/apt/sources.list.d/debian.sources
mirror=${MIRROR:-$([ ! -f "$sources" ] || echo "$sources")}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for tool in mmdebstrap podman; do
  command -v "$tool" > /dev/null || { echo "base.sh: $tool is missing (apt install $tool)" >&2; exit 1; }
done

missing() {
  [ -n "${REFRESH:-}" ] || ! podman image exists "localhost/$1:$suite"
}

# Nothing of the packages is configured: what is left is what stands in their files.
if missing shodhana-base; then
  echo "base: Python of Debian $suite, without a shell"
  # shellcheck disable=SC2016,SC2086 # the hook has a shell of its own; an empty mirror is no argument
  mmdebstrap --quiet --mode=auto --variant=extract \
    --include=python3.11-minimal,libpython3.11-stdlib,libstdc++6,netbase,tzdata --extract-hook='
    cd "$1"
    rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian usr/share/perl5 \
      usr/share/debconf usr/share/dpkg usr/share/bug usr/share/menu usr/share/gdb usr/share/gcc \
      usr/share/bash-completion usr/share/pixmaps usr/lib/valgrind usr/lib/dpkg \
      usr/lib/x86_64-linux-gnu/perl-base usr/share/polkit-1 usr/share/zoneinfo/posix usr/share/zoneinfo/right \
      etc/alternatives etc/cron.daily etc/logrotate.d etc/dpkg etc/debconf.conf \
      usr/lib/python3.11/lib2to3 usr/lib/python3.11/pydoc_data usr/lib/python3.11/ensurepip usr/lib/python3.11/idlelib
    find bin sbin usr/bin usr/sbin ! -type d ! -name "python3*" -delete 2> /dev/null || true
    mkdir -p etc run/shodhana run/secrets/shodhana proc sys dev tmp
    chmod 1777 tmp
    printf "root:x:0:0::/nonexistent:/nonexistent\nshodhana:x:10001:10001::/nonexistent:/nonexistent\n" > etc/passwd
    printf "root:x:0:\nshodhana:x:10001:\n" > etc/group
    chown 10001:10001 run/shodhana
  ' --format=tar "$suite" - $mirror |
    mmtarfilter --path-exclude='/etc/apt*' --path-exclude='/var/lib/*' --path-exclude='/var/cache/*' \
      --path-exclude='/etc/hostname' --path-exclude='/etc/resolv.conf' > "$scratch/base.tar"
  podman import --quiet "$scratch/base.tar" "localhost/shodhana-base:$suite" > /dev/null
fi
if missing shodhana-build; then
  echo "base: Python with venv, to build in"
  # shellcheck disable=SC2086
  mmdebstrap --quiet --mode=auto --variant=minbase --include=python3,python3-venv,ca-certificates,binutils \
    --aptopt='Apt::Install-Recommends "false"' "$suite" "$scratch/build.tar" $mirror
  podman import --quiet "$scratch/build.tar" "localhost/shodhana-build:$suite" > /dev/null
fi
