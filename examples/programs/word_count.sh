#!/bin/sh
# Counts the words of `text`: {"text": "two words"} → {"words": 2}
#
# `sleep` in the input makes a child that sleeps, for the tests of cancellation.
read -r input
text=$(printf '%s' "$input" | sed -n 's/.*"text" *: *"\([^"]*\)".*/\1/p')
case $input in
    *'"sleep"'*)
        echo "progress 10 sleeping" >&2
        sleep 300 &
        echo "child $!" >&2
        wait
        ;;
esac
if [ -z "$text" ]; then
    echo "no text" >&2
    exit 65
fi
echo "progress 50 counting" >&2
echo "counting ${#text} characters" >&2
# shellcheck disable=SC2086
set -- $text
echo "{\"words\": $#}"
