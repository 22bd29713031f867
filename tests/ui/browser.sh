#!/bin/sh
# Debian's Chromium for the browser suite, installed where it is missing and that can be done; else the suite skips.
set -eu
if [ -x /usr/bin/chromium ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The browser suite is SKIPPED: there is no /usr/bin/chromium, and it can't be installed here (that takes root and"
  echo "apt-get). On Debian: apt-get install chromium"
  exit 0
fi
echo "installing Debian's Chromium for the browser suite"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }; then
  echo "The browser suite is SKIPPED: apt-get could not install chromium (see above)"
fi
