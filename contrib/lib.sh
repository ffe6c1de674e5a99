# SPDX-License-Identifier: Apache-2.0
# What contrib/check and contrib/quickstart share: both source it before anything else.
# Sets $root (the source tree), and an environment that does not depend on the caller's.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian's own tools and python3, whatever else a developer has in front of them.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset CDPATH CFLAGS CPPFLAGS LDFLAGS CC LD_LIBRARY_PATH LD_PRELOAD PYTHONHOME PYTHONPATH MAKEFLAGS
unset CUTOVER_STATE_DIR CUTOVER_PLUGIN_DIR CUTOVER_SOCKET_DIR CUTOVER_LAB
# Plugins are loaded only from folders that nobody else can write to.
umask 022

say()
{
	printf '== %s\n' "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

packages()
{
	sed 's/#.*//' "$root/contrib/packages" | xargs -n 1
}

missing_packages()
{
	local package

	for package in $(packages); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

# Installs what is missing; asks neither the network nor for root when nothing is. Services that
# come with a package are not started: the lab starts its own, elsewhere.
install_packages()
{
	local missing policy=/usr/sbin/policy-rc.d made=

	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || die "needs Debian 12, or by other means: $(echo $missing)"
	[ "$(id -u)" = 0 ] || die "missing packages; as root: apt-get install $(echo $missing)"
	say "installing packages:" $missing
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && made=1
	fi
	apt-get update -qq &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			$missing >/tmp/cutover-apt.$$ 2>&1
	local r=$?
	[ -z "$made" ] || rm -f $policy
	[ $r = 0 ] || cat /tmp/cutover-apt.$$ >&2
	rm -f /tmp/cutover-apt.$$
	[ $r = 0 ] || die "apt-get could not install them; see above"
}

# Could anybody else replace what lies in folder $1? Then no plugin is loaded from there.
others_can_write()
{
	local at=$1

	while :; do
		if [ -e "$at" ]; then
			[ -z "$(find "$at" -maxdepth 0 \( -perm /022 -o ! -uid 0 ! -uid "$(id -u)" \))" ] ||
				return 0
		fi
		[ "$at" != / ] || return 1
		at=$(dirname "$at")
	done
}

# Prints where to build: $root/$1, unless the tree lies where others can write (/tmp).
build_folder()
{
	if others_can_write "$root"; then
		echo "${HOME:-/root}/.cache/cutover/$(printf %s "$root" | sha256sum | cut -c 1-8)/$1"
	else
		echo "$root/$1"
	fi
}

# Builds the tree in folder $1, with the meson options that follow.
build()
{
	local folder=$1 log
	shift

	log=$folder.log
	mkdir -p "$(dirname "$folder")"
	say "building in $folder"
	if [ -e "$folder/build.ninja" ]; then
		meson configure "$@" "$folder"
	else
		rm -rf "$folder" && meson setup "$@" "$folder" "$root"
	fi >"$log" 2>&1 && ninja -C "$folder" >>"$log" 2>&1 || {
		grep -vE '^\[[0-9]+/[0-9]+\]' "$log" | tail -n 60 >&2
		return 1
	}
	rm -f "$log"
}
