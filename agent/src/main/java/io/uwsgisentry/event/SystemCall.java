package io.uwsgisentry.event;

import java.util.Map;

/** The names of the system calls in which a worker usually stands when it stands. */
final class SystemCall {
  private static final Map<Integer, String> X86_64 =
      Map.ofEntries(
          Map.entry(0, "read"),
          Map.entry(1, "write"),
          Map.entry(7, "poll"),
          Map.entry(17, "pread64"),
          Map.entry(18, "pwrite64"),
          Map.entry(19, "readv"),
          Map.entry(20, "writev"),
          Map.entry(23, "select"),
          Map.entry(34, "pause"),
          Map.entry(35, "nanosleep"),
          Map.entry(42, "connect"),
          Map.entry(43, "accept"),
          Map.entry(44, "sendto"),
          Map.entry(45, "recvfrom"),
          Map.entry(46, "sendmsg"),
          Map.entry(47, "recvmsg"),
          Map.entry(61, "wait4"),
          Map.entry(65, "semop"),
          Map.entry(70, "msgrcv"),
          Map.entry(72, "fcntl"),
          Map.entry(73, "flock"),
          Map.entry(74, "fsync"),
          Map.entry(75, "fdatasync"),
          Map.entry(128, "rt_sigtimedwait"),
          Map.entry(130, "rt_sigsuspend"),
          Map.entry(202, "futex"),
          Map.entry(219, "restart_syscall"),
          Map.entry(230, "clock_nanosleep"),
          Map.entry(232, "epoll_wait"),
          Map.entry(247, "waitid"),
          Map.entry(257, "openat"),
          Map.entry(270, "pselect6"),
          Map.entry(271, "ppoll"),
          Map.entry(281, "epoll_pwait"),
          Map.entry(288, "accept4"),
          Map.entry(426, "io_uring_enter"),
          Map.entry(441, "epoll_pwait2"));

  /** Those of aarch64, which most newer architectures share. */
  private static final Map<Integer, String> AARCH64 =
      Map.ofEntries(
          Map.entry(22, "epoll_pwait"),
          Map.entry(25, "fcntl"),
          Map.entry(32, "flock"),
          Map.entry(56, "openat"),
          Map.entry(63, "read"),
          Map.entry(64, "write"),
          Map.entry(65, "readv"),
          Map.entry(66, "writev"),
          Map.entry(67, "pread64"),
          Map.entry(68, "pwrite64"),
          Map.entry(72, "pselect6"),
          Map.entry(73, "ppoll"),
          Map.entry(82, "fsync"),
          Map.entry(83, "fdatasync"),
          Map.entry(95, "waitid"),
          Map.entry(98, "futex"),
          Map.entry(101, "nanosleep"),
          Map.entry(115, "clock_nanosleep"),
          Map.entry(128, "restart_syscall"),
          Map.entry(133, "rt_sigsuspend"),
          Map.entry(137, "rt_sigtimedwait"),
          Map.entry(188, "msgrcv"),
          Map.entry(193, "semop"),
          Map.entry(202, "accept"),
          Map.entry(203, "connect"),
          Map.entry(206, "sendto"),
          Map.entry(207, "recvfrom"),
          Map.entry(211, "sendmsg"),
          Map.entry(212, "recvmsg"),
          Map.entry(242, "accept4"),
          Map.entry(260, "wait4"),
          Map.entry(426, "io_uring_enter"),
          Map.entry(441, "epoll_pwait2"));

  private SystemCall() {}

  /**
   * For a person: {@code 7 (poll)}, {@code running}. The addresses behind the number are left out:
   * they differ from process to process.
   *
   * @param line of {@code /proc/PID/syscall}: a number and registers, {@code running}, or {@code
   *     -1} where the process is blocked in no call
   * @param arch as Java names the machine's
   */
  static String text(String line, String arch) {
    String first = line.strip().split("\\s+", 2)[0];
    if (first.equals("-1")) {
      return "none";
    }
    long number = RecordContext.number(first);
    if (number < 0 || number > 100_000) {
      return Limits.shortened(Limits.clean(first), 32);
    }
    Map<Integer, String> names =
        switch (arch) {
          case "amd64", "x86_64" -> X86_64;
          case "aarch64", "riscv64", "loongarch64" -> AARCH64;
          default -> Map.of();
        };
    String name = names.get((int) number);
    return name == null ? Long.toString(number) : number + " (" + name + ")";
  }
}
