# shellcheck shell=bash disable=SC2154
# What ./dev check checks: a function a check, which prints what is wrong and
# fails. Sourced by ./dev, which provides repo_git, tracked, configure and
# fetch_lists, and sets check_all, documents and the arrays of packages.

cpp_files() { tracked '*.cpp' '*.hpp' '*.cc'; }

# Files of the change at hand: since the branch left main, else the last
# commit; with what is not committed yet.
changed_files() {
  local base head
  head=$(repo_git rev-parse HEAD)
  base=$(repo_git merge-base HEAD origin/main 2>/dev/null || true)
  if [[ -z $base || $base == "$head" ]]; then
    base=$(repo_git rev-parse --verify --quiet HEAD~1 || echo "$head")
  fi
  {
    repo_git diff --name-only --diff-filter=d "$base"
    repo_git ls-files --others --exclude-standard
  } | sort -u
}

check_format() {
  cpp_files | xargs -r clang-format-14 --dry-run -Werror
}

# Sources that clang-tidy is asked about: the changed ones, and for a changed
# header the source of the same name, which includes it first.
tidy_sources() {
  local file source
  if [[ $check_all == yes ]]; then
    tracked '*.cpp'
    return
  fi
  changed_files | while read -r file; do
    case $file in
      *.cpp) echo "$file" ;;
      *.hpp)
        source=${file%.hpp}.cpp
        [[ ! -f $source ]] || echo "$source"
        ;;
    esac
  done | sort -u
}

check_tidy() {
  # A build directory of its own, never built: clang cannot read g++'s
  # precompiled headers.
  cmake --preset dev -B build/check -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    >/dev/null || return 1
  tidy_sources |
    xargs -r -P 2 -n 1 clang-tidy-14 -p build/check --quiet 2>/dev/null
}

check_shell() {
  {
    tracked '*.sh'
    tracked | while read -r file; do
      [[ ! -x $file || ! -f $file ]] ||
        if head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi
    done
  } | sort -u | xargs -r shellcheck
}

# forbid WHERE WHAT WHY: no file below WHERE may include what matches WHAT.
forbid() {
  local found
  found=$(tracked "$1/*.cpp" "$1/*.hpp" |
    xargs -r grep -nE "^ *# *include *[<\"]($2)" || true)
  [[ -z $found ]] || {
    printf '%s\n%s\n' "$found" "$3"
    return 1
  }
}

check_includes() {
  local bad=0 folder
  for folder in transport redis; do
    forbid $folder 'actors/|service/' \
      'includes point from service to actors to transport and redis' || bad=1
    forbid $folder 'caf/|spdlog/' \
      'only actors/ and service/ know CAF and spdlog' || bad=1
  done
  forbid compose/netem 'service/|actors/|transport/|redis/|caf/|boost/' \
    'compose/netem builds alone, with libstdc++ only' || bad=1
  forbid actors 'service/' 'actors/ does not know service/' || bad=1
  for folder in transport redis actors service; do
    forbid $folder 'tests/' 'the program does not know its tests' || bad=1
  done
  return $bad
}

# Headers that call themselves pure in their first comment, state machines,
# and their sources: what they include, all of it, is neither CAF nor Asio;
# a buffer, which Beast's HTTP fields come with, is memory and no I/O.
pure_files() {
  {
    tracked '*_machine.hpp'
    tracked 'transport/*.hpp' 'redis/*.hpp' 'actors/*.hpp' 'service/*.hpp' |
      while read -r file; do
        if sed '/^[^/]/q' "$file" | grep -q '\bPure\b'; then echo "$file"; fi
      done
  } | sort -u | while read -r file; do
    echo "$file"
    [[ ! -f ${file%.hpp}.cpp ]] || echo "${file%.hpp}.cpp"
  done
}

check_pure() {
  local bad=0 file reached
  while read -r file; do
    reached=$(g++ -std=c++20 -I. -M -x c++ "$file" |
      grep -oE '/(caf|boost/asio)/[a-z_/]*\.hpp' |
      grep -vE 'asio/(detail/|buffer\.hpp|is_contiguous_iterator\.hpp)' |
      head -n 1 || true)
    [[ -z $reached ]] || {
      echo "$file is pure, and includes $reached by some way"
      bad=1
    }
  done < <(pure_files)
  return $bad
}

# Every test that docs/faults.md names is there: `file`: name, name.
check_faults() {
  local bad=0 file names name
  # shellcheck disable=SC2016  # the backquotes are Markdown's
  while IFS=: read -r file names; do
    file=tests/${file//\`/}.test.cpp
    [[ -f $file ]] || {
      echo "docs/faults.md names $file, which is not there"
      bad=1
      continue
    }
    for name in ${names//,/ }; do
      grep -q "CAF_TEST($name)" "$file" || {
        echo "docs/faults.md names $name, which is not in $file"
        bad=1
      }
    done
  done < <(grep -oE '`(unit|loopback|e2e|chaos)/[a-z_/]+`(: [a-z0-9_]+(, [a-z0-9_]+)*)?' \
    docs/faults.md)
  return $bad
}

# on_empty_system PACKAGE...: what apt would do where nothing is installed. Its
# cache of that is apart from the real system's.
on_empty_system() {
  mkdir -p build/apt
  apt-get -s -o Dir::State::status=/dev/null -o Dir::Cache="$root/build/apt" \
    -o Dir::Cache::pkgcache=pkgcache.bin install --no-install-recommends \
    "$@" 2>&1
}

# No group of ./dev's packages pushes out what another one brought: all that
# they bring, each asked for alone, can be there together.
check_packages() {
  local group said run=() all=()
  # The package lists may be absent.
  if ! on_empty_system "${build_packages[0]}" >/dev/null; then
    [[ $(id -u) -eq 0 ]] || run=(sudo)
    fetch_lists "${run[@]}" || return 1
  fi
  for group in $(compgen -A arrayvar | grep '_packages$'); do
    local -n wanted=$group
    said=$(on_empty_system "${wanted[@]}") || {
      printf '%s\n%s cannot be installed\n' "$said" "$group"
      return 1
    }
    mapfile -t -O "${#all[@]}" all < <(awk '$1 == "Inst" { print $2 }' <<<"$said")
  done
  if ! said=$(on_empty_system "${all[@]}") || grep '^Remv' <<<"$said"; then
    printf '%s\n%s\n' "$(tail -n 20 <<<"$said")" \
      'these groups of packages push each other out'
    return 1
  fi
}

# Alerts, dashboard, operations page and stack name what exists.
check_compose() {
  tracked '*.py' | xargs -r python3 -m py_compile || return 1
  local file
  for file in documents base_image; do
    python3 "tests/compose/${file}_test.py" 2>build/check.log || {
      cat build/check.log
      return 1
    }
  done
}

check_size() {
  local long
  long=$(tracked '*.cpp' '*.hpp' '*.cc' '*.py' '*.js' '*.sh' dev |
    xargs -r wc -l | awk '$2 != "total" && $1 > 600')
  [[ -z $long ]] || {
    printf '%s\nlonger than 600 lines: split it\n' "$long"
    return 1
  }
}

check_leftovers() {
  local words='TO''DO|FIX''ME|XX''X|HA''CK|sleep_''for'
  ! repo_git grep -nE "$words" -- '*.cpp' '*.hpp' '*.py' '*.sh' dev
}

check_docs() {
  configure dev
  cmake --build --preset dev --parallel "$(nproc)" --target status2 \
    >build/check.log 2>&1 || {
    tail -n 40 build/check.log
    return 1
  }
  local name bad=0
  for name in "${!documents[@]}"; do
    build/dev/status2 docs "$name" | diff -u "${documents[$name]}" - || bad=1
  done
  [[ $bad -eq 0 ]] || {
    echo 'generated documents are old: ./dev docs'
    return 1
  }
}
