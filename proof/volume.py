"""A small volume of one's own, and somebody else's file on it that fills it."""

import os
import subprocess
import sys


def in_own_namespace():
    """Nothing that is mounted from here on outlives this process, however it ends."""
    if os.environ.get("PROOF_NAMESPACE") != "own":
        os.environ["PROOF_NAMESPACE"] = "own"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable] + sys.argv)


class Volume:
    def __init__(self, place, megabytes):
        self.place, self.file = place, place / "filler"
        place.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=700" % megabytes, "none", place], check=True)

    def free(self):
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def size(self):
        found = os.statvfs(self.place)
        return found.f_blocks * found.f_frsize

    def fill(self, left=0):
        block = b"f" * 65536
        with open(self.file, "ab", buffering=0) as file:
            try:
                while self.free() > left:
                    file.write(block[:max(1, min(len(block), self.free() - left))])
            except OSError:
                pass

    def give_back(self, part=1.0):
        if self.file.exists():
            os.truncate(self.file, int(self.file.stat().st_size * (1 - part)))

    def close(self):
        subprocess.run(["umount", "-l", self.place])
