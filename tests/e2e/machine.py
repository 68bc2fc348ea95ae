"""A virtual machine with an emulated network card, and weir on it.

QEMU without KVM (slow, and possible anywhere), Debian's cloud kernel, and an initramfs made of the environment's own files:
weir, the libraries it was linked with, DPDK's drivers for the cards, busybox and a few kernel modules. ./dev nic has unpacked
QEMU and the kernel below FOLDER.

The card lies behind an IOMMU, as a server's does, so that vfio-pci takes it. Its cable is a tap, which the caller joins to the
bridge. With PLAIN it knows of no offload: what leaves the card is cut and has its checksums, as on any cable. Two
serial lines: the console goes to a file, over the other one machine_init answers.
"""
import glob
import lzma
import os
import re
import signal
import socket
import stat
import subprocess
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = "/opt/weir-nic"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_virtio", "net_vmxnet3")
MODULES = ("vfio_pci", "vfio_iommu_type1")
MAC = "02:00:00:00:01:02"
ADDRESS = "0000:00:04.0"  # of the card; machine_init has it too
PLAIN, WITH_QUEUES = "vnet_hdr=off", "vnet_hdr=on,queues=2"
MEMORY_MIB, HUGEPAGES = 1536, 400
BOOT_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 120, 60, 90


class Archive:
    """A cpio archive in the form that the kernel unpacks ("newc"), of files under their own names."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.names = set()
        for link, target in (("/bin", "usr/bin"), ("/sbin", "usr/bin"), ("/lib", "usr/lib"), ("/lib64", "usr/lib64")):
            self.put(link, stat.S_IFLNK | 0o777, target.encode())

    def put(self, name, mode, data=b""):
        if name in self.names:
            return
        if os.path.dirname(name) != "/":
            self.put(os.path.dirname(name), stat.S_IFDIR | 0o755)
        self.names.add(name)
        self.record(name[1:], mode, data)

    def record(self, name, mode, data):
        text = name.encode() + b"\0"
        fields = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(text), 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + text, data):
            self.file.write(part + b"\0" * (-len(part) % 4))

    def content(self, name, data, mode=0o644):
        self.put(name, stat.S_IFREG | mode, data)

    def copy(self, path, name=None):
        """A file; a link with what it leads to."""
        name = name or os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if os.path.islink(path):
            target = os.readlink(path)
            self.put(name, stat.S_IFLNK | 0o777, target.encode())
            self.copy(os.path.join(os.path.dirname(path), target))
            return
        with open(path, "rb") as file:
            self.content(name, file.read(), 0o755)

    def program(self, path, name=None):
        """With the libraries it was linked with, if any."""
        self.copy(path, name)
        text = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", text):
            self.copy(library)

    def close(self):
        self.record("TRAILER!!!", 0, b"")
        self.file.close()


def modules():
    """name -> path, of all modules of the kernel."""
    found = glob.glob(f"{FOLDER}/**/modules/*/kernel/**/*.ko*", recursive=True)
    return {os.path.basename(path).split(".ko")[0].replace("-", "_"): path for path in found}


def modules_add(archive):
    """The wanted modules behind those that they need, and the order to load them in."""
    paths, order = modules(), []

    def add(name):
        with open(paths[name], "rb") as file:
            data = file.read()
        if paths[name].endswith(".xz"):
            data = lzma.decompress(data)
        for needed in re.search(rb"\0depends=([^\0]*)\0", data)[1].decode().replace("-", "_").split(","):
            if needed and needed not in order:
                add(needed)
        order.append(name)
        archive.content(f"/modules/{name}.ko", data)

    for name in MODULES:
        add(name)
    archive.content("/modules/order", "\n".join(order).encode())


def initramfs(path, program, files):
    """PROGRAM and FILES go into the folder that weir is started in."""
    archive = Archive(path)
    archive.copy(os.path.join(TREE, "tests/e2e/machine_init"), "/init")
    archive.program(f"{FOLDER}/usr/bin/busybox", "/usr/bin/busybox")
    archive.put("/usr/bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    archive.program(program, "/weir/weir")
    for file in files:
        archive.copy(file, "/weir/" + os.path.basename(file))
    for name in DRIVERS:
        for library in glob.glob(f"{LIBRARIES}/dpdk/*/librte_{name}.so*"):
            archive.program(library)
    modules_add(archive)
    archive.close()


class Machine:
    """start, then ask; stop or kill. CARD: what QEMU calls it, with its options; CABLE: options of the tap."""

    def __init__(self, home, card, tap, cable):
        self.home = home
        self.card = card
        self.netdev = f"tap,id=cable,ifname={tap},script=no,downscript=no,{cable}"
        self.process = self.line = None
        self.received = b""

    def command(self):
        kernel, = glob.glob(f"{FOLDER}/boot/vmlinuz-*")
        return [f"{FOLDER}/usr/bin/qemu-system-x86_64", "-L", f"{FOLDER}/usr/share/qemu", "-L",
                f"{FOLDER}/usr/share/seabios", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off",
                "-smp", "2", "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-kernel", kernel, "-initrd", f"{self.home}/initramfs",
                "-append", f"console=ttyS0 quiet panic=-1 mitigations=off intel_iommu=on no_timer_check hugepages={HUGEPAGES}",
                "-device", "intel-iommu,intremap=on,aw-bits=48",
                "-chardev", f"file,id=console,path={self.home}/weir.out", "-serial", "chardev:console",
                "-chardev", f"socket,id=asked,path={self.home}/asked,server=on,wait=on", "-serial", "chardev:asked",
                "-netdev", self.netdev, "-device", f"{self.card},netdev=cable,mac={MAC},addr=4,romfile="]

    def start(self):
        """QEMU waits for the second line to be taken before it does anything."""
        with open(f"{self.home}/qemu.out", "ab") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env={"LD_LIBRARY_PATH": f"{FOLDER}{LIBRARIES}"})
        self.line = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + ANSWER_SECONDS
        while self.line.connect_ex(f"{self.home}/asked") != 0:
            if not self.running() or time.monotonic() > end:
                raise RuntimeError(f"QEMU does not start: see {self.home}/qemu.out")
            time.sleep(0.1)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def answer(self, seconds):
        """The text up to the next "END STATUS", and the status."""
        end = time.monotonic() + seconds
        while not (found := re.search(rb"^END (\d+)\n", self.received, re.MULTILINE)):
            self.line.settimeout(max(0.1, end - time.monotonic()))
            more = self.line.recv(65536)
            if not more:
                raise OSError("the machine is gone")
            self.received += more
        text, self.received = self.received[:found.start()], self.received[found.end():]
        return text.decode("utf-8", "replace"), int(found[1])

    def ask(self, word, seconds=ANSWER_SECONDS):
        self.line.sendall(word.encode() + b"\n")
        return self.answer(seconds)

    def stop(self):
        """Ends weir, then the machine; weir's exit status."""
        try:
            status = self.ask("stop", STOP_SECONDS)[1]
            self.process.wait(STOP_SECONDS)
            return status
        except (OSError, subprocess.TimeoutExpired):
            return -signal.SIGKILL
        finally:
            self.kill()

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.line.close()
        self.process = None
        if os.path.exists(f"{self.home}/asked"):
            os.unlink(f"{self.home}/asked")
