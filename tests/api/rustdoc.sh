#!/bin/sh
# rustdoc with its unstable options. The variable is set for rustdoc alone: build scripts that read
# it would build the dependencies again, in the place of those that the other suites are linked to.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
