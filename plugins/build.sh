#!/usr/bin/env bash
# Builds the guests for wasm32-unknown-unknown and puts them into dist/, together with a manifest.
#
#   build.sh            builds both guests and writes dist/manifest.json
#   build.sh scorer     builds one guest into dist/ and leaves the manifest alone, for work in progress
#   build.sh --check    builds nothing; fails when dist/ does not belong to these sources
#
# dist/ holds core modules as wit-bindgen leaves them: the host turns them into components on the way in, and its
# `plugin check` says so when one imports anything. Bytes repeat exactly with the same toolchain; another compiler
# may give other bytes, so whether dist/ is stale is judged by the sources alone.
set -euo pipefail
export LC_ALL=C

plugins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target_dir=${CARGO_TARGET_DIR:-$plugins/target}
target=wasm32-unknown-unknown
guests=(scorer normalizer)
cd "$plugins"

say() { printf 'build.sh: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# SHA-256 of standard input, in hex.
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1; }

# One hash over everything that decides what the guests are: names and contents, in a stable order.
sources_sha256() {
    {
        find . -path ./target -prune -o -path ./dist -prune -o -type f \
            \( -path './*/src/*' -o -name Cargo.toml \) -print
        find ../wit -type f -name '*.wit'
        printf '%s\n' ./Cargo.lock ./build.sh
    } | sort -u | while IFS= read -r file; do
        printf '%s %s\n' "$(sha256 <"$file")" "$file"
    done | sha256
}

# The value of a top-level key, or of a guest's key, in the manifest that this script writes.
manifest_value() { sed -n "s/^.*\"$1\".*\"$2\": \"\([0-9a-f]*\)\".*$/\1/p" dist/manifest.json; }

check() {
    local rebuild="run plugins/build.sh and commit plugins/dist"
    [[ -f dist/manifest.json ]] || fail "dist/manifest.json is missing: $rebuild."
    local noted
    noted=$(sed -n 's/^  "sources_sha256": "\([0-9a-f]*\)".*$/\1/p' dist/manifest.json)
    [[ $noted == "$(sources_sha256)" ]] ||
        fail "dist/ is stale: the guests' sources have changed since it was built; $rebuild."
    for guest in "${guests[@]}"; do
        [[ -f dist/$guest.wasm ]] || fail "dist/$guest.wasm is missing: $rebuild."
        [[ $(manifest_value "$guest" sha256) == "$(sha256 <"dist/$guest.wasm")" ]] ||
            fail "dist/$guest.wasm is not the file that dist/manifest.json describes: $rebuild."
    done
    say "dist/ belongs to these sources."
}

# Sets `cargo` and `std`, and the environment that they need.
choose_toolchain() {
    cargo=(cargo) std=()
    local libdir sysroot linker
    if libdir=$(rustc --print target-libdir --target $target 2>/dev/null) && [[ -d $libdir ]]; then
        return
    fi
    # Debian's packages hold the source of the standard library, which is then built along.
    linker=$(command -v rust-lld || true)
    if [[ -z $linker ]] && sysroot=$(rustc --print sysroot 2>/dev/null); then
        linker=$(find "$sysroot/lib/rustlib" -path '*/bin/rust-lld' -type f 2>/dev/null | head -n 1)
    fi
    if [[ -x /usr/bin/rustc && -x /usr/bin/cargo && -n $linker && -d $(/usr/bin/rustc --print sysroot)/lib/rustlib/src ]]; then
        cargo=(/usr/bin/cargo) std=(-Zbuild-std=std,panic_abort)
        export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker
        return
    fi
    fail "no toolchain builds for $target: run 'rustup target add $target'," \
        "or on Debian 'apt-get install rustc-web cargo-web rust-web-src' and have rust-lld in the PATH."
}

# What makes a guest fast, and that no path of this machine may stand in a component.
choose_flags() {
    local sysroot
    sysroot=$("${RUSTC:-rustc}" --print sysroot)
    local flags=(
        # The host resets after each call what the call may have touched, and a stack is always touched: 128 KiB instead
        # of 1 MiB, enough for 127 levels of JSON. Under it is nothing, so that an overflow is a trap.
        -Clink-arg=-zstack-size=131072
        # Most calls need no more memory than this, and asking the host for more takes longer than having it from the start.
        -Clink-arg=--initial-heap=262144
        # The sandbox looks at the clock's tick at the start of each function, so small functions cost twice.
        -Cllvm-args=-inline-threshold=1500
        "--remap-path-prefix=$sysroot=/rust"
        "--remap-path-prefix=$(readlink -f "$sysroot/lib/rustlib/src/rust" || true)=/rust/src"
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
        "--remap-path-prefix=$target_dir=/target"
        "--remap-path-prefix=$(dirname "$plugins")=/pillarbox"
    )
    unset RUSTFLAGS
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
    export CARGO_ENCODED_RUSTFLAGS
}

build() {
    choose_toolchain
    choose_flags
    local packages=()
    for guest in "$@"; do packages+=(-p "pillarbox-$guest-guest"); done
    "${cargo[@]}" build --locked --release --target $target --target-dir "$target_dir" "${std[@]}" "${packages[@]}"
    mkdir -p dist
    for guest in "$@"; do
        install -m 644 "$target_dir/$target/release/pillarbox_${guest}_guest.wasm" "dist/$guest.wasm"
        say "dist/$guest.wasm: $(wc -c <"dist/$guest.wasm" | tr -d ' ') bytes"
    done
}

write_manifest() {
    local version separator=""
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    {
        printf '{\n  "sources_sha256": "%s",\n  "guests": [\n' "$(sources_sha256)"
        for guest in "${guests[@]}"; do
            printf '%s    { "name": "%s", "version": "%s", "file": "%s.wasm", "sha256": "%s" }' \
                "$separator" "$guest" "$version" "$guest" "$(sha256 <"dist/$guest.wasm")"
            separator=$',\n'
        done
        printf '\n  ]\n}\n'
    } >dist/manifest.json.new
    mv dist/manifest.json.new dist/manifest.json
}

case ${1:-} in
    --check) check ;;
    "") build "${guests[@]}" && write_manifest ;;
    scorer | normalizer) build "$1" ;;
    *) fail "usage: build.sh [--check | scorer | normalizer]" ;;
esac
