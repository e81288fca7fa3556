# Runs "$@" and ends it when our standard input ends, which happens however the parent dies.
# Prints the pid of "$@" on a line, and exits with its status (128 + signal where it was killed).
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
server=$!
echo "$server"
(
  while read -r _ <&3; do :; done
  kill -TERM "$server" 2>/dev/null || exit 0
  tries=0
  while [ "$tries" -lt 50 ] && kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -KILL "$server" 2>/dev/null
) >/dev/null &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill -TERM "$watcher" 2>/dev/null
exit "$status"
