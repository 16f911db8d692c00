# Runs uwsgi-sentry's agent for the server that started it, and waits while another server's does the work.
# usage: sh -s (attached|detached|drain) JAR DIR JAVA DRAIN OPTIONS SERVER <this
# Functions and settings alone until the last line: the shell reads this from its standard input as it goes.
umask 077
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH LD_PRELOAD
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin
# Java reads file names by the locale: with none it cannot read those that are not ASCII
export PATH LC_ALL=C.UTF-8
# glibc reserves 64 MiB of address space for each thread that allocates: too much where a limit on it stays
export MALLOC_ARENA_MAX=1
# the server may be gone that the descriptor leads to
trap '' PIPE
ulimit -v unlimited 2>/dev/null
cd /
mode=$1 source=$2 dir=$3 java=$4 drain=$5 options=$6 server=$7
failures=0 watcher= home= seen=

# a link would lead elsewhere, and opening a FIFO would wait for ever
plain() { [ ! -h "$1" ] && { [ -f "$1" ] || [ ! -e "$1" ]; } || { why="$1 is not a plain file: remove it"; false; }; }

# /proc may hide other users' processes, and a server's that gave root up (hidepid, systemd's ProtectProc): the kernel's answer to
# a signal that is none tells even then whether one is there
visible() { { read -r _ <"/proc/$server/stat"; } 2>/dev/null; }
alive() { visible || case $(kill -0 "$server" 2>&1) in '' | *ermitted*) ;; *) false ;; esac; }

# seconds of a clock that nobody sets
clock() { { read -r now _ </proc/uptime; } 2>/dev/null && now=${now%.*} || now=$(date +%s); }

size() { [ -f "$dir/agent.log" ] && wc -c <"$dir/agent.log" || echo 0; }

begin() {
  before=$(size)
  clock
  began=$now
}

# What is printed here and by the JVM, in two files of a megabyte at most; the agent sees to what it logs itself. Opened again for each
# JVM: the directory may have been replaced, and what is open then leads to the old one.
roll() {
  [ -d "$dir" ] && plain "$dir/agent.log" && plain "$dir/agent.log.1" || return 0
  [ "$(size)" -le 1048576 ] || mv -f "$dir/agent.log" "$dir/agent.log.1"
  command exec >>"$dir/agent.log" 2>&1 || :
}

# also opened again each time, for the same reason: the lock of a file that no longer stands there keeps nobody else out
try_lock() {
  [ -d "$dir" ] || { why="$dir is gone"; return 2; }
  plain "$dir/agent.lock" && plain "$dir/agent.wanted" || return 2
  [ ! -h "$dir/runtime" ] || { why="$dir/runtime is a link: remove it"; return 2; }
  command exec 9>>"$dir/agent.lock" || { why="$dir/agent.lock cannot be opened"; return 2; }
  seen=1
  ! command -v flock >/dev/null 2>&1 || flock -n 9
}

left_over() { [ -s "$dir/journal/live" ]; }

lock() {
  waited=0
  while :; do
    [ "$mode" != drain ] || left_over || exit 0
    try_lock
    case $? in 0) return 0 ;; 2) return 1 ;; esac
    if [ "$mode" = drain ]; then
      # who holds the lock may have taken what there is, or have looked for the last time before it came
      waited=$((waited + 1))
      [ "$waited" -le 30 ] && left_over || exit 0
      sleep 1 || exit 0
      continue
    fi
    alive || exit 0
    # a script that waits says so: an agent that was told to stop leaves at once if there is another to go on
    : >"$dir/agent.wanted"
    sleep 2 || exit 78
  done
}

# whether the volume has 64 times as much free as the copy takes: on a small one a copy would take what events need
roomy() {
  set -- $(wc -c <"$source") $(df -Pk "$dir" 2>/dev/null | tail -n 1)
  [ $# -gt 5 ] && [ "$5" -ge $(($1 / 1024 * 64)) ] 2>/dev/null
}

# A copy of the jar, which may be a plugin's tail: an upgrade must not pull it from under a running JVM. Its name says what it must hold, so a
# copy that a power cut damaged is made again. The bytes are on the disk before it has its name.
copy() {
  sum=$(cksum <"$source") || { why="$source cannot be read"; return 1; }
  home=$dir/runtime/$(echo "$sum" | tr ' ' -)
  jar=$home/agent.jar
  chmod u+rwx "$dir/runtime" "$home" 2>/dev/null
  # twice in a row something here may be what ends the JVM: then nothing of it stays
  [ "$failures" -ge 2 ] && rm -rf "$home"
  [ -f "$jar" ] && [ "$(cksum <"$jar")" = "$sum" ] && return 0
  rm -rf "$home"
  roomy && mkdir -p "$home" && cp "$source" "$jar.new" && [ "$(cksum <"$jar.new")" = "$sum" ] && { sync "$jar.new" || sync; } 2>/dev/null &&
    mv "$jar.new" "$jar" && { sync "$home" "$dir/runtime" || sync; } 2>/dev/null && return 0
  jar=$source home=
}

run() {
  why=
  # it may have waited for long
  lock && roll && copy || return 1
  archive=
  [ -n "$home" ] && [ -f "$home/agent.jsa" ] && archive=-XX:SharedArchiveFile=$home/agent.jsa
  only=
  [ "$mode" = drain ] && only=--drain-only
  watch="--master $server"
  if [ "$mode" = drain ]; then
    watch=
  elif ! visible; then
    # the agent watches this script then, and the script the server
    watch="--master $$"
    { while kill -0 $$; do alive || { kill $$; break; }; sleep 2 || break; done; } 3>&- 9>&- 2>/dev/null &
    watcher=$!
  fi
  # an agent that only waited has not served
  begin
  # Whoever signals all processes of the server (systemd's KillSignal=SIGQUIT) means no thread dump. The JVM prints that as its own
  # output, and nothing else that is needed, but for why it cannot start: one that ends without a word is asked again, aloud.
  jvm -XX:+IgnoreUnrecognizedVMOptions -XX:+UnlockDiagnosticVMOptions -XX:-DisplayVMOutput
  ended=$?
  [ "$ended" = 1 ] && [ "$(size)" = "$before" ] || return "$ended"
  jvm
}

jvm() {
  "$java" "$@" -Xmx48m -Xms4m -Xmn2m -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20 \
    -XX:+ExitOnOutOfMemoryError -XX:CompressedClassSpaceSize=32m -XX:ReservedCodeCacheSize=32m -XX:-UsePerfData \
    "-XX:ErrorFile=$dir/runtime/hs_err.log" \
    -Xshare:auto -XX:+VerifySharedSpaces -Xlog:disable -Xlog:all=error:stderr ${archive:+"$archive"} \
    -jar "$jar" agent --dir "$dir" $watch --drain "$drain" $options $only 3>&-
}

# why it ended: what it printed last, without the time and without the lines of a trace
reason() {
  [ -n "$why" ] && return
  said=$(tail -c +"$((before + 1))" "$dir/agent.log" 2>/dev/null | grep -v -e '^[[:space:]]*at ' -e '^[[:space:]]*\.\.\. ' -e ' started, pid ' | tail -n 1 |
    sed 's/^[0-9T:.-]*Z [A-Z]* [a-z]*: //; s/^[[:space:]]*//' | cut -c 1-300)
  case $rc in
    126) why="$java may not be executed, set sentry-java" ;;
    127) why="$java cannot be found, install a Java 17 runtime or set sentry-java" ;;
    3) why="the JVM had no memory left" ;;
    134) why="the JVM crashed, see $dir/runtime/hs_err.log" ;;
    129 | 13? | 14? | 15?) why="the JVM was killed by signal $((rc - 128))" said= ;;
    *) why="it ended with status $rc" ;;
  esac
  why="$why${said:+: $said}"
}

# for `status`; and a line for the log of the server, which says it once
tell() {
  at=$(date +%s)
  printf 'failures=%s\nat=%s\nnext=%s\nreason=%s\n' "$failures" "$at" "$((at + pause))" "$why" >"$dir/.failure-$$" && mv -f "$dir/.failure-$$" "$dir/agent.failure"
  [ "$mode" = attached ] && echo "$pause $why" >&3
}

main() {
  while :; do
    roll
    begin
    run
    rc=$?
    [ "$mode" = drain ] && exit "$rc"
    exec 9>&-
    [ -n "$watcher" ] && kill "$watcher" 2>/dev/null
    watcher=
    alive || exit 0
    clock
    pause=5
    # one that served for a minute had not failed to start
    [ $((now - began)) -ge 60 ] && failures=0
    if [ "$rc" = 75 ]; then
      # another agent, started by hand, holds the lock: no need to ask again soon
      pause=30
    elif [ "$rc" = 74 ]; then
      # the directory was replaced, and the next one serves what stands there now
      :
    elif [ -n "$seen" ] && [ ! -d "$dir" ]; then
      # Removed, or moved away: the server says so. It is not made here, or one that is put back would find its place taken.
      :
    else
      failures=$((failures + 1))
      longest=600
      # somebody else's doing
      [ "$rc" = 137 ] || [ "$rc" = 143 ] && longest=20
      i=1
      while [ "$i" -lt "$failures" ] && [ "$pause" -lt "$longest" ]; do pause=$((pause * 2)) i=$((i + 1)); done
      [ "$pause" -gt "$longest" ] && pause=$longest
      reason
      tell
    fi
    sleep "$pause" || exit 78
  done
}
main "$@" </dev/null
exit
