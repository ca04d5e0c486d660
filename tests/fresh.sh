#!/usr/bin/env bash
# fresh.sh SUITE [COMMAND] — the README's two commands on a new Debian, for `./dev fresh`.
# fresh.sh SUITE --clean COMMAND
#
# Makes a minimal system with debootstrap (kept as a tar file, so that the second time is quick), unpacks it, installs
# git and nothing else, and runs the README's commands in a clean clone of HEAD. The mirror, its settings and the
# machine's own certificate authorities come from this machine; nothing else does. With COMMAND that runs instead, in
# a new clone on the system that the last run left behind, if there is one, which gets the last clone's test tools (made
# anew when others are asked for); with --clean on a new one of its own, which has what lies in dist/ and is removed in the
# end.
#
# Everything runs in mount and pid namespaces of its own: whatever happens, nothing stays mounted or running.
set -euo pipefail
suite=$1
command=${2:-./dev demo --once && ./dev test}
clean=
[ "$command" != --clean ] || { clean=.clean command=$3; }
project=$(cd "$(dirname "$0")/.." && pwd)
store=${XDG_CACHE_HOME:-$HOME/.cache}/heartrate_shm/fresh
base=$store/$suite.tar
system=$store/$suite$clean
# What says how to reach the registries from here; as on any machine behind a proxy.
passed=(http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE NODE_EXTRA_CA_CERTS PIP_CERT
	PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST npm_config_registry npm_config_cafile HR_STRICT)

die() {
	echo "fresh: $*" >&2
	exit 1
}

# A field of this machine's apt source of Debian's main component.
apt_source() {
	apt-get indextargets --format "\$($1)" 'Created-By: Packages' 'Origin: Debian' 'Component: main' | head -n 1
}

make_base() {
	local mirror keyring file temporary=$base.d
	mirror=$(apt_source REPO_URI)
	[ -n "$mirror" ] || die "this machine's apt knows no Debian mirror: apt-get update, or add one to /etc/apt"
	keyring=$(sed -nE 's/.*[Ss]igned-[Bb]y[:=] *(\/[^] ]+).*/\1/p' "$(apt_source SOURCESENTRY | sed 's/:[0-9]*$//')")
	keyring=${keyring%%$'\n'*}
	keyring=${keyring:-/usr/share/keyrings/debian-archive-keyring.gpg}
	rm -rf "$temporary"
	echo "fresh: debootstrap $suite"
	# Every suite's script is sid's; not every debootstrap has a link for a suite as new as forky.
	debootstrap --variant=minbase --keyring="$keyring" "$suite" "$temporary" "$mirror" /usr/share/debootstrap/scripts/sid \
		>"$base.log" 2>&1 || die "debootstrap failed; all it said is in $base.log"
	install -D -m 644 "$keyring" "$temporary$keyring"
	echo "deb [signed-by=$keyring] $mirror $suite main" >"$temporary/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(Check-|https?|Retries)' >"$temporary/etc/apt/apt.conf.d/90host" || true
	mkdir -p "$temporary/usr/local/share/ca-certificates"
	for file in /usr/local/share/ca-certificates/*.crt; do
		[ -f "$file" ] && cp "$file" "$temporary/usr/local/share/ca-certificates/"
	done
	echo force-unsafe-io >"$temporary/etc/dpkg/dpkg.cfg.d/throwaway" # no fsync: who needs it makes a new one
	cp --dereference /etc/resolv.conf "$temporary/etc/resolv.conf"
	grep -q "$(hostname)" "$temporary/etc/hosts" 2>/dev/null || echo "127.0.0.1 localhost $(hostname)" >>"$temporary/etc/hosts"
	chroot "$temporary" sh -ec 'apt-get update && apt-get install -y --no-install-recommends git && apt-get clean' \
		>>"$base.log" 2>&1 || die "git could not be installed; all that apt said is in $base.log"
	tar -C "$temporary" -cf "$base.new" .
	mv "$base.new" "$base"
	rm -rf "$temporary"
}

# In the namespaces: the system's own /proc, /sys, /dev/pts and /dev/shm, then the command as root or as the user `dev`.
inside() {
	mount --make-rprivate /
	mount --bind "$system" "$system" # so that its / is a mount, as on any machine
	mount -t proc proc "$system/proc"
	mount -t sysfs -o ro sysfs "$system/sys"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$system/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
	local name settings=() clone=$system/root/heartrate_shm last=$system/root/last
	rm -rf "$last"
	mkdir "$last"
	for name in "$clone"/build/venv-*; do
		[ ! -d "$name" ] || mv "$name" "$last"
	done
	for name in "${passed[@]}"; do
		[ -n "${!name:-}" ] && settings+=("$name=${!name}")
	done
	# With `exit` the shell stays, as the process 1 that waits for what nobody waits for.
	exec chroot "$system" env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"${settings[@]}" bash -c "rm -rf ~/heartrate_shm && git -c init.defaultBranch=main clone -q -c advice.detachedHead=false /project.bundle ~/heartrate_shm &&
			mv ~/last ~/heartrate_shm/build && cd ~/heartrate_shm && $command; exit"
}

main() {
	if [ "${FRESH_INSIDE:-}" = yes ]; then
		inside
	fi
	case $suite in
	bookworm | trixie | forky) ;;
	*) die "which suite is '$suite'? bookworm, trixie or forky" ;;
	esac
	[ "$(id -u)" -eq 0 ] || die "a new system can only be made as root"
	mkdir -p "$store"
	exec 9>"$system.lock"
	flock -n 9 || { echo "fresh: another run has $system; waiting for its end" && flock 9; }
	[ -f "$base" ] || make_base
	if [ $# -ne 2 ] || [ ! -d "$system" ]; then
		rm -rf "$system"
		mkdir "$system"
		tar -C "$system" -xf "$base"
	fi
	rm -f "$system/project.bundle"
	git -C "$project" bundle create -q "$system/project.bundle" HEAD
	[ -z "$clean" ] || cp -r "$project/dist" "$system/dist"
	SECONDS=0
	result=passed
	FRESH_INSIDE=yes unshare --mount --pid --fork --kill-child "$0" "$suite" ${clean:+--clean} "$command" 9>&- || result=failed
	if [ -n "$clean" ]; then
		rm -rf "$system"
	else
		kept=" (system in $system)"
	fi
	printf 'fresh: %s on a new %s: %s, %d:%02d min%s\n' \
		"$command" "$suite" "$result" $((SECONDS / 60)) $((SECONDS % 60)) "${kept:-}"
	[ $result = passed ]
}

# On one line: bash reads a script as it goes, and this one may be changed while it runs.
main "$@"; exit
