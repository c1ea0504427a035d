"""A QEMU process that is driven over QMP, and a client of its gdbstub."""

import json
import os
import re
import socket
import subprocess
import time


class QEMUError(Exception):
    pass


def connect(path, process, seconds=20):
    """A connection to a Unix socket that the process opens while it starts."""
    end = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            connection.settimeout(60)
            return connection
        except OSError:
            connection.close()
            if process.poll() is not None:
                raise QEMUError(f"QEMU ended with status {process.returncode}")
            if time.monotonic() > end:
                raise QEMUError(f"no answer at {path}")
            time.sleep(0.01)


class VM:
    """A virtual machine that starts to run at once. Leaving the context ends it."""

    def __init__(self, program, arguments, folder):
        self.qmp_path = os.path.join(folder, "qmp")
        self.gdb_path = os.path.join(folder, "gdb")
        self.serial_path = os.path.join(folder, "serial")
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, *arguments, "-nodefaults", "-display", "none",
                 "-serial", f"file:{self.serial_path}",
                 "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
                 "-gdb", f"unix:{self.gdb_path},server=on,wait=off"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.connection = connect(self.qmp_path, self.process)
            self.lines = self.connection.makefile("rb")
            self._receive()
            self.command("qmp_capabilities")
        except QEMUError as error:
            self.close()
            raise QEMUError(f"{error}: {self.log()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read().strip()

    def serial(self):
        with open(self.serial_path, errors="replace") as serial:
            return serial.read()

    def _receive(self):
        try:
            line = self.lines.readline()
        except OSError:
            line = b""
        if not line:
            self.process.wait(10)
            raise QEMUError(f"QEMU closed the connection: {self.log()}")
        return json.loads(line)

    def command(self, name, **arguments):
        message = {"execute": name}
        if arguments:
            message["arguments"] = arguments
        self.connection.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = self._receive()
            if "error" in answer:
                raise QEMUError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line):
        return self.command("human-monitor-command", **{"command-line": line})

    def program_counters(self):
        """PC of every vCPU, without stopping any."""
        text = self.monitor("info registers -a")
        return [int(pc, 16) for pc in re.findall(r"(?:PC=|R15=)([0-9a-f]+)", text)]

    def migrate(self, uri, capabilities=(), passes=1):
        """Writes the stream and returns when it is complete. The VM is stopped from then on.

        A VM that runs is held back until its memory has been passed over so many times.
        """
        if capabilities:
            self.command("migrate-set-capabilities",
                         capabilities=[{"capability": name, "state": True} for name in capabilities])
        slow, fast = {"max-bandwidth": 4 << 20, "downtime-limit": 1}, {"max-bandwidth": 1 << 40, "downtime-limit": 300}
        self.command("migrate-set-parameters", **(fast if passes == 1 else slow))
        self.command("migrate", uri=uri)
        while True:
            status = self.command("query-migrate")
            if status["status"] == "completed":
                return
            if status["status"] in ("failed", "cancelled"):
                raise QEMUError(f"migration {status['status']}: {status.get('error-desc', '')} {self.log()}")
            if passes > 1 and status.get("ram", {}).get("dirty-sync-count", 0) >= passes:
                passes = 1
                self.command("migrate-set-parameters", **fast)
            time.sleep(0.01)


class Debugger:
    """A client of the gdbstub of a stopped VM. It reads registers and changes nothing."""

    def __init__(self, vm):
        self.connection = connect(vm.gdb_path, vm.process)
        self.buffer = b""
        self.request(b"qSupported:xmlRegisters=aarch64,arm;multiprocess+")
        self.request(b"QStartNoAckMode")

    def request(self, body):
        self.connection.sendall(b"$" + body + b"#%02x" % (sum(body) & 0xff))
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if start >= 0 and end >= 0 and len(self.buffer) >= end + 3:
                packet, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                self.connection.sendall(b"+")
                if packet[:1] == b"T":  # a stop that is reported late
                    continue
                return packet
            data = self.connection.recv(1 << 16)
            if not data:
                raise QEMUError("the gdbstub closed the connection")
            self.buffer += data

    def document(self, name):
        text = b""
        while True:
            part = self.request(b"qXfer:features:read:%s:%x,ff0" % (name, len(text)))
            if part[:1] not in (b"m", b"l"):
                raise QEMUError(f"no target description {name}: {part}")
            text += part[1:]
            if part[:1] == b"l":
                return text.decode()

    def register_names(self):
        """(number, name, feature) of every register of the target description."""
        number = 0
        names = []
        for part in re.findall(r'href="([^"]*)"', self.document(b"target.xml")):
            text = self.document(part.encode())
            feature = re.search(r'<feature name="([^"]*)"', text)[1]
            for tag in re.findall(r"<reg [^>]*>", text):
                attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
                number = int(attributes.get("regnum", number))
                names.append((number, attributes["name"], feature))
                number += 1
        return names

    def threads(self):
        threads = []
        packet = self.request(b"qfThreadInfo")
        while packet[:1] == b"m":
            threads += packet[1:].split(b",")
            packet = self.request(b"qsThreadInfo")
        return threads

    def registers(self):
        """One dictionary of values by name for each vCPU. A second register of a name has #2 after it."""
        names = self.register_names()
        vcpus = []
        for thread in self.threads():
            if self.request(b"Hg" + thread) != b"OK":
                raise QEMUError(f"no thread {thread}")
            values = {}
            for number, name, _ in names:
                packet = self.request(b"p%x" % number)
                if not packet or packet[:1] == b"E":
                    continue
                key, count = name, 1
                while key in values:
                    count += 1
                    key = f"{name}#{count}"
                values[key] = int.from_bytes(bytes.fromhex(packet.decode()), "little")
            vcpus.append(values)
        return vcpus
