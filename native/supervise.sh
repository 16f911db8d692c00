# Runs uwsgi-sentry's agent for the server that wrote this file, and waits while another server's does the work.
# usage: sh this (attached|detached|drain) PLUGIN DIR JAVA DRAIN OPTIONS [MASTER]
umask 077
mode=$1 plugin=$2 dir=$3 java=$4 drain=$5 options=$6 master=${7:-$PPID}
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH LD_PRELOAD
# Java reads file names by the locale: with none it cannot read those that are not ASCII
export LC_ALL=C.UTF-8
cd /
end() { [ "$mode" = drain ] || sleep "$2"; exit "$1"; }
# a link would lead elsewhere, and opening a FIFO would wait for ever
plain() { [ ! -h "$1" ] && { [ -f "$1" ] || [ ! -e "$1" ]; } || { echo "uwsgi-sentry: $1 is not a plain file: remove it"; false; }; }
{ plain "$dir/agent.log" >/dev/null && command exec >>"$dir/agent.log" 2>&1; } || command exec >/dev/null 2>&1
# the server comes first: only what is idle of the processors, and first in line when memory is short
chrt -i -p 0 $$ >/dev/null 2>&1 || renice -n 19 -p $$ >/dev/null 2>&1
(echo 1000 >/proc/self/oom_score_adj) 2>/dev/null && echo 1000 2>/dev/null >/proc/$$/oom_score_adj
ulimit -v unlimited 2>/dev/null
# glibc reserves 64 MiB of address space for each thread that allocates: too much where a limit on it stays
export MALLOC_ARENA_MAX=1
# /proc may hide other users' processes, and a server's that gave root up (hidepid, systemd's ProtectProc): the kernel's answer to
# a signal that is none tells even then whether one is there
visible() { { read -r _ <"/proc/$master/stat"; } 2>/dev/null; }
alive() { visible || case $(kill -0 "$master" 2>&1) in '' | *ermitted*) ;; *) false ;; esac; }
watcher=
run() {
  plain "$dir/agent.lock" && plain "$dir/agent.wanted" && [ ! -h "$dir/runtime" ] || return 1
  command exec 9>>"$dir/agent.lock" || return 1
  if command -v flock >/dev/null 2>&1; then
    # who waits says so: an agent that was told to stop leaves at once if there is another to go on
    until flock -n 9; do
      [ "$mode" = drain ] && return 0
      alive || return 0
      : >"$dir/agent.wanted"
      sleep 2
    done
  fi
  # a copy of the jar: an upgrade of the plugin must not pull it from under a running JVM
  sum=$(cksum <"$plugin") || return 1
  home=$dir/runtime/$(echo "$sum" | tr ' ' -)
  jar=$home/agent.jar
  if [ ! -e "$jar" ]; then
    mkdir -p "$home" && cp "$plugin" "$jar.new" && mv "$jar.new" "$jar" || jar=$plugin
  fi
  archive=
  [ -e "$home/agent.jsa" ] && archive=-XX:SharedArchiveFile=$home/agent.jsa
  only=
  [ "$mode" = drain ] && only=--drain-only
  watch="--master $master"
  if [ "$mode" = drain ]; then
    watch=
  elif ! visible; then
    # the agent watches this script then, and the script the server
    watch="--master $$"
    { while kill -0 $$; do alive || { kill $$; break; }; sleep 2; done; } 9>&- 2>/dev/null &
    watcher=$!
  fi
  "$java" -Xmx48m -Xms4m -Xmn2m -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20 \
    -XX:+ExitOnOutOfMemoryError -XX:CompressedClassSpaceSize=32m -XX:ReservedCodeCacheSize=32m -XX:-UsePerfData \
    "-XX:ErrorFile=$dir/runtime/hs_err.log" \
    -Xshare:auto -Xlog:disable -Xlog:all=error:stderr ${archive:+"$archive"} \
    -jar "$jar" agent --dir "$dir" $watch --drain "$drain" $options $only
}
run
rc=$?
exec 9>&-
[ -n "$watcher" ] && kill "$watcher" 2>/dev/null
# another agent, started by hand, holds the lock: no need to ask again soon
[ "$rc" = 75 ] && end "$rc" 30
if [ "$mode" = detached ]; then
  sleep 5
  alive && exec sh "$0" "$mode" "$plugin" "$dir" "$java" "$drain" "$options" "$master"
  exit "$rc"
fi
end "$rc" 5
