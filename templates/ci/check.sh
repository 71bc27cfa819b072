#!/bin/sh
# git ccc check as a job of any CI: run it in a clone that has the change checked out, however little of the rest.
# CCC_REMOTE (origin) is where the refs are, CCC_TARGET (main) the branch that the change is to be merged into,
# CCC_FORMAT (text) one of text, json, sarif, github, junit. Exit: 0 clean, 1 findings, 2 usage or settings, 5 not set up.
set -eu
remote=${CCC_REMOTE:-origin}
target=${CCC_TARGET:-main}
# What a checkout leaves out: the history, the target, the claims, sessions and the log, the room.
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
  git fetch --quiet --unshallow "$remote"
fi
git fetch --quiet --no-tags "$remote" \
  "+refs/heads/$target:refs/remotes/$remote/$target" \
  '+refs/ccc/*:refs/ccc/*' '+refs/notes/ccc/*:refs/notes/ccc/*'
exec git ccc check --ci --format "${CCC_FORMAT:-text}" "refs/remotes/$remote/$target..HEAD"
