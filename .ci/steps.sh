# What quickstart and check share: steps with a log, Debian packages, the build. Sourced by them, in the repository's root.

# What a build needs; packages that these pull in are not named.
build_packages=(clang-22 liblld-22-dev llvm-22-dev libmlir-22-dev mlir-22-tools cmake ninja-build
  libcli11-dev libpcre2-dev libxxhash-dev nlohmann-json3-dev)
# What the tests need besides: GoogleTest, lit and FileCheck, Python packages.
test_packages=(libgtest-dev libgmock-dev llvm-22-tools python3-venv)

# step NAME COMMAND...: runs it with its output in $log and prints one line with its seconds. A failure prints the end of
# the log and ends the script.
step() {
  local name=$1 start=$SECONDS from
  shift
  printf '%s ... ' "$name"
  from=$(wc -c <"$log")
  # Not a condition of `if` or `||`: those would switch `set -e` off inside functions.
  set +e
  (set -e; "$@") >>"$log" 2>&1 </dev/null
  local status=$?
  set -e
  if ((status)); then
    echo "failed after $((SECONDS - start)) s; the end of $log:"
    tail -c "+$((from + 1))" "$log" | tail -n 40
    exit "$status"
  fi
  echo "$((SECONDS - start)) s"
}

# Starts the log of the script NAME.
start_log() {
  mkdir -p build
  log=build/$1.log
  : >"$log"
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "neither root nor sudo: as root, run: $*" >&2
    return 1
  fi
}

install_packages() {
  as_root apt-get -o Acquire::Retries=3 update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y --no-install-recommends "$@"
}

# need_packages NAME...: a step when some are missing, nothing otherwise. Elsewhere than on Debian CMake says what is missing.
need_packages() {
  command -v dpkg-query >/dev/null || return 0
  local package missing=()
  for package; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  # A password is asked for here, not inside a step whose output is hidden.
  if ((EUID != 0)) && command -v sudo >/dev/null; then sudo -v; fi
  step "install ${missing[*]}" install_packages "${missing[@]}"
}

# need_configuration TESTS: configures build/ with or without tests, unless it is. A build folder with tests does for both.
need_configuration() {
  local tests=$1
  if [[ build/build.ninja -nt CMakePresets.json ]] &&
    { [[ $tests == OFF ]] || grep -q '^DSV2_BUILD_TESTS:BOOL=ON' build/CMakeCache.txt; }; then
    return
  fi
  [[ $tests == ON || ! -e build/build.ninja ]] || tests=$(sed -n 's/^DSV2_BUILD_TESTS:BOOL=//p' build/CMakeCache.txt)
  step configure cmake --preset dev -DDSV2_BUILD_TESTS="$tests"
}
