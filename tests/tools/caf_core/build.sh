# shellcheck shell=bash disable=SC2154
# CAF's core with ThreadSanitizer inside (docs/decisions/0009). Sourced by
# ./dev, which provides root, say and die.

# apt as the machine has it, keys included, but with the list of one archive
# and a place of its own: what the machine installs from stays as it is.
source_apt() {
  apt-get -o Dir::Etc::sourcelist="$cache/apt/sources.list" \
    -o Dir::Etc::sourceparts=- -o Dir::State::lists="$cache/apt/lists" \
    -o Dir::Cache="$cache/apt/cache" -o Acquire::Retries=3 "$@"
}

# Where this machine has Debian from; without package lists, the usual place.
debian_archive() {
  local found
  # shellcheck disable=SC2016
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    'Origin: Debian' "Codename: $1" 'Component: main' | head -n 1)
  printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# fetch_caf PACKAGE VERSION: unpacks upstream's sources as Debian's archive has
# them; apt checks them against the archive's signature.
fetch_caf() {
  local apt=$cache/apt codename
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  rm -rf "$apt" "$cache/unpacked"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$cache/unpacked"
  printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" \
    "$(debian_archive "$codename")" "$codename" >"$apt/sources.list"
  source_apt update &&
    (cd "$apt" && source_apt source --download-only --tar-only "$1=$2") &&
    tar -xf "$apt"/*.orig.tar.* -C "$cache/unpacked" --strip-components=1 &&
    mv "$cache/unpacked" "$cache/source" &&
    rm -rf "$apt"
}

# Sets caf_library. The first time takes minutes; then nothing is left to do.
build_instrumented_caf() {
  local cache package version log=$root/build/caf-tsan.log
  read -r package version < <(dpkg-query -W \
    -f '${source:Package} ${source:Version}\n' libcaf-dev)
  cache=$root/build/caf-tsan/$version
  caf_library=$cache/build/libcaf_core.a
  [[ -f $caf_library ]] ||
    say "building CAF's core for ThreadSanitizer, once: some minutes"
  [[ -d $cache/source ]] || fetch_caf "$package" "$version" >"$log" 2>&1 || {
    cat "$log" >&2
    die "the source of $package $version cannot be had"
  }
  {
    cmake -G Ninja -S tests/tools/caf_core -B "$cache/build" \
      -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCAF_SOURCE="$cache/source" &&
      cmake --build "$cache/build" --parallel "$(nproc)"
  } >"$log" 2>&1 || {
    cat "$log" >&2
    die "CAF's core does not build"
  }
}
