#!/usr/bin/env python3
"""Runs the servers among the sample programs against clients that others have written: curl, wrk, nc, socat, openssl,
Python's asyncio and ssl, and clients that misbehave; and the clients against such servers.

    clients_test.py DIRECTORY [NAME...]    DIRECTORY holds the programs; NAME chooses tests

What this machine does not have is skipped, and said; with CI=true it is a failure. Ends with the line "N passed, N failed".
"""

import asyncio
import contextlib
import functools
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

from harness import PATIENCE, Skipped, expect, finish, folder, main, needs, program, run, start, until

HOST = "127.0.0.1"


class Server:
    """A sample that serves, and the port that the system has chosen for it."""

    def __init__(self, name, *arguments):
        if not os.path.exists(program(name)):
            raise Skipped(f"{name} is not built")
        self.process = start(name, "--port", "0", *arguments)
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"listening on .*?(?::(\d+))?\n", line)
        expect(found, "the server does not say where it listens", line, self.process.poll())
        self.port = int(found[1] or 0)

    def connect(self):
        return socket.create_connection((HOST, self.port), timeout=PATIENCE)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE)
        expect(self.process.returncode == 0, "the server does not end well", self.process.returncode, err.decode())
        return out.decode(), err.decode()


@contextlib.contextmanager
def serving(name, *arguments):
    server = Server(name, *arguments)
    try:
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


def command(*arguments, data=b""):
    result = subprocess.run(list(map(str, arguments)), input=data, capture_output=True, timeout=PATIENCE)
    expect(result.returncode == 0, f"{arguments} fails", result.returncode, result.stdout[-2000:], result.stderr[-2000:])
    return result.stdout


def read_exactly(connection, size):
    received = b""
    while len(received) < size and (piece := connection.recv(size - len(received))):
        received += piece
    return received


def read_all(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def make_certificate(where):
    """For 127.0.0.1; gives the paths of certificate and key."""
    needs("openssl")
    chain, key = where / "chain.pem", where / "key.pem"
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=aiouv", "-addext", f"subjectAltName=IP:{HOST}", "-keyout", key, "-out", chain)
    return chain, key


def text_of(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


# ---- echo_server ----


def test_echo_to_nc():
    needs("nc")
    with serving("echo_server") as server:
        # -N ends the sending direction at the end of the input.
        expect(command("nc", "-N", HOST, server.port, data=b"hello\n") == b"hello\n", "nc got something else")


def test_echo_to_socat_over_tcp_and_unix_sockets():
    needs("socat")
    text = text_of(1_000_000)
    with serving("echo_server") as server:
        got = command("socat", "-t", PATIENCE, "-", f"TCP:{HOST}:{server.port}", data=text)
        expect(got == text, "socat got something else over TCP", len(got))
    with folder() as top, serving("echo_server", "--unix", top / "socket") as server:
        got = command("socat", "-t", PATIENCE, "-", f"UNIX-CONNECT:{top / 'socket'}", data=text)
        expect(got == text, "socat got something else over a Unix socket", len(got))


def test_echo_to_openssl_s_client():
    with folder() as top:
        chain, key = make_certificate(top)
        with serving("echo_server", "--tls", chain, "--key", key) as server:
            client = subprocess.Popen(
                ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", chain, "-connect",
                 f"{HOST}:{server.port}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            client.stdin.write(b"over TLS\n")
            client.stdin.flush()
            got = client.stdout.readline()
            client.kill()
            client.communicate()
            expect(got == b"over TLS\n", "s_client got something else", got)


async def exchange(port, text, context=None):
    """Sends while it receives, and ends its own direction first."""
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)

    async def send():
        for start_of_piece in range(0, len(text), 100_000):
            writer.write(text[start_of_piece:start_of_piece + 100_000])
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.create_task(send())
    got = await reader.readexactly(len(text))
    await sending
    if writer.can_write_eof():
        expect(await reader.read() == b"", "something came after the end")
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
    return got


def test_echo_to_asyncio():
    text = text_of(16 << 20)
    with serving("echo_server") as server:
        expect(asyncio.run(exchange(server.port, text)) == text, "asyncio got something else")
    with folder() as top:
        chain, key = make_certificate(top)
        with serving("echo_server", "--tls", chain, "--key", key) as server:
            context = ssl.create_default_context(cafile=chain)
            expect(asyncio.run(exchange(server.port, text, context)) == text, "asyncio got something else over TLS")


def test_echo_survives_what_clients_do():
    with serving("echo_server") as server:
        patient = server.connect()
        # One that is reset in the middle of much.
        rude = server.connect()
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                rude.send(text_of(100_000))
        rude.close()
        # One that never reads, one that says nothing, and one that says a byte at a time.
        greedy = server.connect()
        greedy.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                greedy.send(text_of(100_000))
        silent = server.connect()
        slow = server.connect()
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"slowly\n":
            slow.send(bytes([byte]))
        expect(read_exactly(slow, 7) == b"slowly\n", "single bytes are not sent back")
        patient.sendall(b"still there?")
        expect(read_exactly(patient, 12) == b"still there?", "the server does not answer any more")
        for connection in (patient, greedy, silent, slow):
            connection.close()


def test_echo_to_a_thousand_connections_one_after_the_other():
    with serving("echo_server") as server:
        descriptors = f"/proc/{server.process.pid}/fd"
        before = None
        for _ in range(1000):
            with server.connect() as connection:
                connection.sendall(b"x")
                expect(connection.recv(1) == b"x", "no echo")
                # With one connection, and with whatever the first one needs for good.
                before = before or len(os.listdir(descriptors)) - 1
        until(lambda: len(os.listdir(descriptors)) == before, "the end of all connections")


def test_echo_goes_on_after_it_has_had_no_descriptors():
    needs("prlimit")
    with serving("echo_server") as server:
        held = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        command("prlimit", "--pid", server.process.pid, f"--nofile={held + 10}:{held + 10}")
        connections = [server.connect() for _ in range(30)]
        for connection in connections:
            connection.sendall(b"x")
        # Those that were accepted are answered; when they go, so are the others, and none is lost.
        answered = 0
        for connection in connections:
            expect(connection.recv(1) == b"x", "a connection was lost", answered)
            answered += 1
            connection.close()


# ---- http_file_server ----


@contextlib.contextmanager
def site(*arguments):
    """A server, and the directory that it serves."""
    with folder() as top:
        root = top / "root"
        root.mkdir()
        (root / "a.txt").write_bytes(b"0123456789")
        (root / "big").write_bytes(text_of(5_000_000))
        (root / "sub").mkdir()
        (root / "sub" / "<b>.txt").write_bytes(b"b")
        (top / "secret").write_bytes(b"secret")
        (root / "out").symlink_to(top / "secret")
        (root / "linked").mkdir()
        (root / "linked" / "index.html").symlink_to(top / "secret")
        with serving("http_file_server", root, *arguments) as server:
            server.root = root
            yield server


def curl(server, path, *arguments, scheme="http"):
    return command("curl", "--silent", "--show-error", "--noproxy", "*", *arguments,
                   f"{scheme}://{HOST}:{server.port}{path}")


def status_of(server, path, *arguments):
    return int(curl(server, path, "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", *arguments))


def test_http_to_curl():
    needs("curl")
    with site() as server:
        expect(curl(server, "/a.txt") == b"0123456789", "a file is wrong")
        expect(curl(server, "/big") == text_of(5_000_000), "a large file is wrong")
        expect(curl(server, "/a.txt", "--http1.0") == b"0123456789", "HTTP/1.0 is not spoken")
        expect(b'href="./%3Cb%3E.txt">&lt;b&gt;.txt<' in curl(server, "/sub/"), "the listing is wrong")
        expect(curl(server, "/sub", "-L") == curl(server, "/sub/"), "a directory is not redirected to")
        for wanted, part in {"2-4": b"234", "7-": b"789", "-3": b"789", "0-0": b"0", "5-100": b"56789"}.items():
            expect(curl(server, "/a.txt", "-r", wanted) == part, f"the range {wanted} is wrong")
        answer = curl(server, "/a.txt", "-i", "-r", "10-").decode()
        expect(" 416 " in answer and "Content-Range: bytes */10" in answer, "a range beyond the end", answer)
        head = curl(server, "/big", "-I").decode()
        expect("Content-Length: 5000000" in head, "HEAD says something else", head)
        tag = re.search(r"ETag: (.*)\r", head)[1]
        modified = re.search(r"Last-Modified: (.*)\r", head)[1]
        for field in (f"If-None-Match: {tag}", f"If-Modified-Since: {modified}"):
            expect(status_of(server, "/big", "-H", field) == 304, f"{field} is not heard")
        expect(status_of(server, "/a.txt", "-r", "1-2", "-H", 'If-Range: "old"') == 200, "If-Range is not heard")
        for path, status in {"/none": 404, "/a.txt/x": 404, "/out": 404, "/linked/": 404, "/../secret": 400, "/%2e%2e/secret": 400,
                             "/sub/%00": 400, "/%zz": 400, "/" + "x" * 20_000: 431}.items():
            expect(status_of(server, path) == status, f"{path[:50]} does not give {status}")
        expect(status_of(server, "/a.txt", "-X", "DELETE") == 405, "DELETE is not refused")
        expect(status_of(server, "/a.txt", "-X", "FROBNICATE") == 501, "an unknown method is not refused")
        expect(status_of(server, "/a.txt", "-I", "-r", "1-2") == 200, "HEAD has heard of ranges")
        expect(status_of(server, "/", "--request-target", "http://other/a.txt") == 200, "an absolute target is not understood")
        expect(status_of(server, "/a.txt", "-d", "text") == 413, "an upload is not refused")
        twice = subprocess.run(
            ["curl", "-sv", "--noproxy", "*"] + [f"http://{HOST}:{server.port}/a.txt"] * 2, capture_output=True)
        expect(twice.stdout == b"0123456789" * 2 and b"Re-using existing connection" in twice.stderr,
               "the connection is not kept", twice)


def test_https_to_curl():
    needs("curl")
    with folder() as top:
        chain, key = make_certificate(top)
        with site("--tls", chain, "--key", key) as server:
            got = curl(server, "/big", "--cacert", chain, scheme="https")
            expect(got == text_of(5_000_000), "a large file is wrong")


def test_http_to_wrk():
    needs("wrk")
    with site("--quiet") as server:
        shown = command("wrk", "-t1", "-c50", "-d1", f"http://{HOST}:{server.port}/a.txt").decode()
        expect("Non-2xx" not in shown and "Socket errors" not in shown, "there were errors", shown)
        print(re.search(r"Requests/sec:.*", shown)[0])


def test_http_to_requests_that_are_none():
    with site() as server:
        for request, status in {
            b"nonsense\r\n\r\n": 400, b"GET / HTTP/1.1\r\n\r\n": 400, b"GET / HTTP/2.0\r\n\r\n": 505,
            b"GET a HTTP/1.1\r\nHost: x\r\n\r\n": 400, b"GET / HTTP/1.1\r\nHost: x\r\nBad header\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 413,
            b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n": 501,
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n": 413,
            b"HEAD / HTTP/1.1\r\n\r\n": 400,
            b"\0" * 100 + b"\r\n\r\n": 400, b"G" * 100_000: 431,
        }.items():
            with server.connect() as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                answer = read_all(connection)
                expect(answer.startswith(b"HTTP/1.1 %d " % status), f"{request[:60]} does not give {status}", answer[:100])
                expect(len(re.findall(rb"HTTP/1.1 \d", answer)) == 1, f"{request[:60]} is taken for several requests", answer)
                expect(not request.startswith(b"HEAD") or answer.endswith(b"\r\n\r\n"), "HEAD is answered with a body", answer)
        expect(b"0123456789" in get_raw(server), "the server does not answer any more")
        expect(b"0123456789" in get_raw(server, b"\r\n"), "an empty line before a request is not passed over")


def get_raw(server, before=b""):
    with server.connect() as connection:
        connection.sendall(before + b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return read_all(connection)


def test_http_answers_pipelined_requests_in_order():
    with site() as server, server.connect() as connection:
        one = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=%d-%d\r\n\r\n"
        connection.sendall(b"".join(one % (i, i) for i in range(10)))
        connection.shutdown(socket.SHUT_WR)
        bodies = re.findall(rb"\r\n\r\n(\d)", read_all(connection))
        expect(b"".join(bodies) == b"0123456789", "the answers are out of order", bodies)


def test_http_answers_parallel_downloads_of_curl():
    needs("curl")
    with site("--quiet") as server, folder() as top:
        url = f"http://{HOST}:{server.port}/big"
        command("curl", "--silent", "--show-error", "--noproxy", "*", "--parallel", "--parallel-immediate", "--parallel-max", "10",
                *(argument for i in range(10) for argument in (url, "-o", top / str(i))))
        for i in range(10):
            expect((top / str(i)).read_bytes() == text_of(5_000_000), "a file is wrong", i)


def test_http_does_not_wait_for_the_writer_of_a_fifo():
    with site("--quiet") as server:
        os.mkfifo(server.root / "pipe")
        connections = [server.connect() for _ in range(8)]
        for connection in connections:
            connection.sendall(b"GET /pipe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in connections:
            expect(read_all(connection).startswith(b"HTTP/1.1 403 "), "a FIFO is not refused")
            connection.close()
        expect(b"0123456789" in get_raw(server), "the server does not answer any more")


def test_http_ends_only_the_connection_when_a_file_shrinks():
    with site("--quiet") as server:
        size = 200_000_000
        with (server.root / "shrinks").open("wb") as file:
            file.truncate(size)
        with server.connect() as connection:
            connection.sendall(b"GET /shrinks HTTP/1.1\r\nHost: x\r\n\r\n")
            expect(connection.recv(1) == b"H", "there is no answer")
            os.truncate(server.root / "shrinks", 1000)
            received = 0
            while piece := connection.recv(1 << 20):
                received += len(piece)
            expect(received < size, "more is sent than there is")
        expect(b"0123456789" in get_raw(server), "the server does not answer any more")


PAGE = """<!DOCTYPE html>
<link rel="stylesheet" href="style.css"><body><p id="result">nothing</p><script>
(async () => {
    const part = await fetch("data", {headers: {Range: "bytes=2-4"}});
    const texts = await Promise.all(Array.from({length: 40}, () => fetch("data", {cache: "no-store"}).then(answer => answer.text())));
    const color = getComputedStyle(document.getElementById("result")).color;
    const missing = await fetch("missing");
    document.getElementById("result").textContent = [part.status, await part.text(), new Set(texts).size, texts[0], missing.status, color].join(" ");
})();
</script>"""


def test_http_to_a_browser():
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    browser = next((name for name in names if shutil.which(name)), None) or needs(names[0])
    with site("--quiet") as server, folder() as top:
        (server.root / "page").mkdir()
        (server.root / "page" / "index.html").write_text(PAGE)
        (server.root / "page" / "style.css").write_text("#result { color: rgb(1, 2, 3) }")
        (server.root / "page" / "data").write_text("0123456789")

        def show(path):
            return command(browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={top}",
                           "--virtual-time-budget=20000", "--dump-dom", f"http://{HOST}:{server.port}/{path}")

        listing = show("sub/")
        expect(b"&lt;b&gt;.txt</a>" in listing, "the browser shows something else", listing)
        page = show("page/")
        expect(b">206 234 1 0123456789 404 rgb(1, 2, 3)<" in page, "the page has not got what it asked for", page)


def test_http_is_not_held_up_by_clients_that_send_byte_after_byte():
    with site("--header", "1", "--idle", "1", "--quiet") as server:
        slow = [server.connect() for _ in range(200)]
        began = time.monotonic()
        alive = set(slow)
        while alive and time.monotonic() - began < 30:
            for connection in list(alive):
                try:
                    connection.send(b"G")
                except OSError:
                    alive.remove(connection)
            client = http.client.HTTPConnection(HOST, server.port, timeout=PATIENCE)
            asked = time.monotonic()
            client.request("GET", "/a.txt")
            expect(client.getresponse().read() == b"0123456789", "another client gets nothing")
            expect(time.monotonic() - asked < 5, "another client has to wait")
            client.close()
            time.sleep(0.1)
        expect(not alive, "slow clients are not sent away", len(alive))
        for connection in slow:
            connection.close()


def test_http_is_not_held_up_by_a_client_that_does_not_read():
    with site("--send", "0.5", "--quiet") as server:
        deaf = server.connect()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        descriptors = f"/proc/{server.process.pid}/fd"
        serves_it = lambda: any("root/big" in target for target in links(descriptors))
        until(serves_it, "the file to be opened")
        until(lambda: not serves_it(), "the end of that connection")
        expect(b"0123456789" in get_raw(server), "the server does not answer any more")
        deaf.close()


def links(folder_of_descriptors):
    for name in os.listdir(folder_of_descriptors):
        with contextlib.suppress(OSError):
            yield os.readlink(os.path.join(folder_of_descriptors, name))


def test_http_sends_away_who_is_too_many():
    with site("--connections", "2") as server:
        held = [server.connect() for _ in range(2)]
        for connection in held:
            connection.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(1)
        with server.connect() as connection:
            expect(read_all(connection).startswith(b"HTTP/1.1 503 "), "a third client is served")
        for connection in held:
            connection.close()


# ---- chat ----


def test_chat_carries_lines_and_does_not_wait_for_who_does_not_read():
    with serving("chat", "--queue", "10") as server:
        def join(name):
            connection = server.connect()
            lines = connection.makefile("rwb")
            lines.write(name + b"\n")
            lines.flush()
            expect(lines.readline() == b"your name?\n", "nobody asks for a name")
            expect(lines.readline() == b"* " + name + b" is here\n", "the own arrival is not told")
            return lines

        ann, bob, deaf = join(b"ann"), join(b"bob"), join(b"deaf")
        expect(ann.readline() == b"* bob is here\n" and ann.readline() == b"* deaf is here\n", "arrivals are not told")
        expect(bob.readline() == b"* deaf is here\n", "an arrival is not told")
        for i in range(300):
            ann.write(b"%d" % i + b"x" * 50_000 + b"\n")
            ann.flush()
            expect(bob.readline().startswith(b"ann: %d" % i), "a line is missing")
        # It has missed something, and hears of that.
        for line in deaf:
            if line.startswith(b"* you have missed "):
                break
        for lines in (ann, bob, deaf):
            lines.close()


def test_chat_sends_away_who_does_not_read_if_it_is_strict():
    with serving("chat", "--queue", "10", "--strict") as server:
        deaf, ann = server.connect(), server.connect()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"deaf\n")
        lines = ann.makefile("rwb")
        lines.write(b"ann\n")
        lines.flush()
        began = time.monotonic()
        ann.setblocking(False)
        told = unsent = b""
        while b"* deaf has left\n" not in told and time.monotonic() - began < PATIENCE:
            with contextlib.suppress(BlockingIOError):
                unsent = unsent or b"x" * 50_000 + b"\n"
                unsent = unsent[ann.send(unsent):]
            with contextlib.suppress(BlockingIOError):
                told += ann.recv(65536)
        expect(b"* deaf has left\n" in told, "it stays", told)
        for connection in (deaf, ann):
            connection.close()


def test_chat_sends_away_who_says_a_line_without_end_and_shows_no_control_characters():
    with serving("chat") as server:
        loud, ann = server.connect(), server.connect()
        lines = ann.makefile("rwb")
        lines.write(b"ann\n")
        lines.flush()
        expect(lines.readline() == b"your name?\n" and lines.readline() == b"* ann is here\n", "ann is not welcome")
        loud.sendall(b"\x1b[2Jloud\r\nhello\x07\r\n")
        wanted = b"* ?[2Jloud is here\n", b"?[2Jloud: hello?\n"
        expect(tuple(lines.readline() for _ in wanted) == wanted, "control characters are passed on")
        with contextlib.suppress(ConnectionError):
            loud.sendall(b"x" * 1_000_000)
        expect(lines.readline() == b"* ?[2Jloud has left\n", "it stays")
        for connection in (loud, ann):
            connection.close()
        lines.close()
        out, err = server.stop()
        expect(err == "", "something is reported", err)
        server.stop = lambda: None  # that was it


# ---- net_cat, against the servers of others ----


@contextlib.contextmanager
def serving_elsewhere(*arguments, announced, on="stderr", **options):
    """A server of somebody else's that says where it listens; gives the process and the port."""
    process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **options)
    try:
        for line in getattr(process, on):
            if found := re.search(announced, line.decode(errors="replace")):
                break
        else:
            raise Skipped(f"{arguments[0]} does not serve here: {process.stderr.read().decode(errors='replace')[-300:]}")
        yield process, int(found[1] or 0)
    finally:
        process.kill()
        process.communicate()


def net_cat(*arguments, data=b"", code=0):
    """What the program prints; with another exit code, what it complains about."""
    if not os.path.exists(program("net_cat")):
        raise Skipped("net_cat is not built")
    result = subprocess.run([program("net_cat"), *map(str, arguments)], input=data, capture_output=True, timeout=PATIENCE)
    expect(result.returncode == code, f"net_cat {arguments} ends otherwise", result.returncode, result.stdout[-500:],
           result.stderr[-2000:])
    return result.stdout if code == 0 else result.stderr.decode()


def test_net_cat_to_socat_over_tcp_and_unix_sockets():
    needs("socat")
    text = text_of(1_000_000)
    said = r"listening on .*:(\d+)"
    with serving_elsewhere("socat", "-d", "-d", f"TCP-LISTEN:0,bind={HOST},fork", "EXEC:cat", announced=said) as (_, port):
        expect(net_cat("-N", HOST, port, data=text) == text, "something else comes back over TCP")
        expect(net_cat("-N", HOST, port) == b"", "something comes back of nothing")
    with folder() as top:
        path = top / "socket"
        with serving_elsewhere("socat", "-d", "-d", f"UNIX-LISTEN:{path},fork", "EXEC:cat", announced="listening()"):
            expect(net_cat("-N", "--unix", path, data=text) == text, "something else comes back over a Unix socket")


def test_net_cat_to_socat_over_tls():
    needs("socat")
    text = text_of(200_000)
    with folder() as top:
        chain, key = make_certificate(top)
        listen = f"OPENSSL-LISTEN:0,bind={HOST},fork,cert={chain},key={key},verify=0"
        with serving_elsewhere("socat", "-d", "-d", listen, "EXEC:cat", announced=r"listening on .*:(\d+)") as (_, port):
            # It ends both directions with the first, so only what is asked for one by one comes back whole.
            client = subprocess.Popen([program("net_cat"), "--tls", "--trust", chain, HOST, str(port)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            client.stdin.write(text)
            client.stdin.flush()
            got = client.stdout.read(len(text))
            client.kill()
            client.communicate()
            expect(got == text, "something else comes back over TLS", len(got))


@contextlib.contextmanager
def s_server(top, *arguments):
    chain, key = make_certificate(top)
    with serving_elsewhere("openssl", "s_server", "-accept", f"{HOST}:0", "-cert", chain, "-key", key, *arguments,
                           announced=r"ACCEPT .*:(\d+)", on="stdout") as (process, port):
        yield process, port, chain


def test_net_cat_to_openssl_s_server():
    request = b"GET / HTTP/1.0\r\n\r\n"
    for arguments, version in (((), "TLSv1.3"), (("-tls1_2",), "TLSv1.2"), (("-no_ticket",), "TLSv1.3"),
                               (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "CHACHA20"),
                               (("-tls1_3", "-groups", "P-521"), "TLSv1.3")):
        with folder() as top, s_server(top, "-www", *arguments) as (_, port, chain):
            answer = net_cat("--tls", "--trust", chain, HOST, port, data=request).decode()
            expect("HTTP/1.0 200 ok" in answer and version in answer, f"no answer with {arguments}", answer[:1000])
    with folder() as top, s_server(top, "-rev") as (_, port, chain):
        for _ in range(20):
            expect(net_cat("-N", "--tls", "--trust", chain, HOST, port, data=b"hello\n") == b"olleh\n", "no echo")


def test_net_cat_refuses_servers_that_are_not_who_they_should_be():
    with folder() as top, s_server(top, "-www") as (_, port, chain):
        where = f"TLS handshake with {HOST}:{port}"
        said = net_cat("--tls", HOST, port, code=1)
        expect(where in said and "self-signed certificate" in said, "a stranger is believed", said)
        said = net_cat("--tls", "--trust", chain, "--name", "other.example", HOST, port, code=1)
        expect(where in said and "(other.example)" in said and "mismatch" in said, "another name is believed", said)
        said = net_cat("--tls", "--trust", top / "none", HOST, port, code=1)
        expect(str(top / "none") in said, "the file that is missing is not named", said)
    with folder() as top, s_server(top, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-www") as (_, port, chain):
        said = net_cat("--tls", "--trust", chain, HOST, port, code=1)
        expect(f"TLS handshake with {HOST}:{port}" in said, "an old version is spoken", said)
    with folder() as top, s_server(top) as (process, port, chain):
        # It has gone without a word of TLS.
        client = subprocess.Popen([program("net_cat"), "--tls", "--trust", chain, HOST, str(port)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(b"half of\n")
        process.stdin.flush()
        expect(client.stdout.readline() == b"half of\n", "nothing comes")
        process.kill()
        said = client.communicate(timeout=PATIENCE)[1].decode()
        expect(client.returncode == 1 and "cut off" in said, "a cut is taken for an end", client.returncode, said)


def test_net_cat_shows_a_certificate_whose_key_has_a_password():
    with folder() as top:
        other = top / "client"
        other.mkdir()
        cert, key = make_certificate(other)
        locked = other / "locked.pem"
        command("openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:open sesame", "-out", locked)
        arguments = ("-www", "-Verify", "1", "-verify_return_error", "-CAfile", cert)
        with s_server(top, *arguments) as (_, port, chain):
            def ask(*options, code=0):
                return net_cat("--tls", "--trust", chain, *options, HOST, port, data=b"GET / HTTP/1.0\r\n\r\n", code=code)

            shown = ("--cert", cert, "--key", locked)
            expect(b"HTTP/1.0 200 ok" in ask(*shown, "--password", "open sesame"), "the certificate is not taken")
            expect("no password" in ask(*shown, code=1), "it does not say that a password is missing")
            expect("private key" in ask(*shown, "--password", "wrong", code=1), "it does not say what is wrong")
            expect("certificate required" in ask(code=1), "it does not say that a certificate is wanted")


async def talk_to_asyncio(handler, arguments, data, context=None, **options):
    """Runs the client against a server of asyncio's; gives what the client has printed."""
    done = asyncio.get_running_loop().create_future()

    async def handle(reader, writer):
        try:
            await handler(reader, writer)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    server = await asyncio.start_server(handle, HOST, 0, ssl=context, **options)
    port = server.sockets[0].getsockname()[1]
    client = await asyncio.create_subprocess_exec(
        program("net_cat"), *map(str, arguments), HOST, str(port),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await asyncio.wait_for(client.communicate(data), PATIENCE)
    await asyncio.wait_for(done, PATIENCE)
    server.close()
    expect(client.returncode == 0, "net_cat fails", err.decode())
    return out


def server_context(chain, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


def test_net_cat_to_asyncio():
    text = text_of(8 << 20)

    async def echo_to_the_end(reader, writer):
        while data := await reader.read(100_000):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def echo_all(reader, writer):
        # TLS of asyncio ends both directions at once.
        left = len(text)
        while left:
            data = await reader.read(100_000)
            left -= len(data)
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    expect(asyncio.run(talk_to_asyncio(echo_to_the_end, ["-N"], text)) == text, "something else comes back")
    with folder() as top:
        chain, key = make_certificate(top)
        for oldest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = server_context(chain, key)
            context.maximum_version = oldest
            got = asyncio.run(talk_to_asyncio(echo_all, ["--tls", "--trust", chain], text, context))
            expect(got == text, "something else comes back over TLS", oldest)


def test_net_cat_goes_over_to_tls_with_asyncio():
    if not hasattr(asyncio.StreamWriter, "start_tls"):
        raise Skipped("this Python has no StreamWriter.start_tls")
    with folder() as top:
        chain, key = make_certificate(top)
        context = server_context(chain, key)

        async def serve(reader, writer):
            expect(await reader.readline() == b"STARTTLS\r\n", "the word does not come")
            writer.write(b"220 go\n")
            await writer.drain()
            await writer.start_tls(context)
            expect(writer.get_extra_info("cipher"), "nothing is encrypted")
            line = await reader.readline()
            writer.write(b"you said " + line)
            await writer.drain()
            writer.close()

        got = asyncio.run(talk_to_asyncio(serve, ["--starttls", "STARTTLS", "--trust", chain], b"secret\n"))
        expect(got == b"220 go\nyou said secret\n", "something else is said", got)


def test_net_cat_to_the_own_servers():
    text = text_of(3_000_000)
    with folder() as top:
        chain, key = make_certificate(top)
        with serving("echo_server", "--tls", chain, "--key", key) as server:
            got = net_cat("-N", "--tls", "--trust", chain, HOST, server.port, data=text)
            expect(got == text, "something else comes back", len(got))
        with serving("echo_server", "--unix", top / "socket", "--tls", chain, "--key", key):
            got = net_cat("-N", "--tls", "--trust", chain, "--name", HOST, "--unix", top / "socket", data=text)
            expect(got == text, "something else comes back over a Unix socket", len(got))


# ---- port_scan, proc_pipeline, tail_f ----


def test_port_scan_finds_what_is_open():
    with serving("echo_server") as server, socket.create_server((HOST, 0)) as banner:
        closed = socket.create_server((HOST, 0))
        port = closed.getsockname()[1]
        closed.close()
        result = run("port_scan", HOST, f"{port},{server.port}", "--timeout", "30")
        expect(result.code == 0 and f"{server.port} open" in result.out, "an open port is not found", result)
        expect("1 of 2 ports open, 2 looked at" in result.out, "the count is wrong", result)
        scanning = start("port_scan", HOST, str(banner.getsockname()[1]), "--banner", "--timeout", "30")
        connection, _ = banner.accept()
        connection.sendall(b"220 ready\x1b\r\n")
        result = finish(scanning)
        expect("open  220 ready?" in result.out, "the banner is not shown", result)
        connection.close()
    for arguments in (["127.0.0.1", "0"], ["127.0.0.1", "9-8"], ["127.0.0.1"], ["127.0.0.1", "1", "--at-once", "0"]):
        expect(run("port_scan", *arguments).code == 2, f"{arguments} are not refused")


def test_port_scan_does_not_take_ports_for_closed_that_it_could_not_look_at():
    few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (20, 20))
    result = run("port_scan", HOST, "1-200", preexec_fn=few)
    expect(result.code == 1 and "too few descriptors" in result.err, "it does not say that it is short of descriptors", result)


def test_who_cannot_write_its_output_says_so_and_ends():
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen([program("proc_pipeline"), "--", "echo", "hi"], stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=PATIENCE)
        expect(process.returncode == 1 and b"write to the standard output" in err, "a full disk is not told", err)
    process = start("proc_pipeline", "--", "yes")
    process.stdout.read(10)
    process.stdout.close()
    _, err = process.communicate(timeout=PATIENCE)
    expect(process.returncode == 1 and b"write to the standard output" in err, "it goes on although nobody reads", err)


def test_proc_pipeline_connects_programs_and_tells_how_they_ended():
    result = run("proc_pipeline", "--", "printf", "b\\na\\nb\\n", "---", "sort", "---", "uniq", "-c")
    expect(result.code == 0 and result.out.split() == ["1", "a", "2", "b"], "the output is wrong", result)
    expect(result.err == "printf: exit code 0\nsort: exit code 0\nuniq: exit code 0\n", "the ends are wrong", result)
    result = run("proc_pipeline", "--timeout", "0.2", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", "---", "cat")
    expect(result.code == 124 and "sh: ended by signal 9" in result.err, "a stubborn program is not killed", result)
    expect(run("proc_pipeline", "--", "sh", "-c", "exit 3").code == 3, "the exit code is lost")
    result = run("proc_pipeline", "--", "no-such-program")
    expect(result.code == 1 and "no-such-program" in result.err, "a missing program is not named", result)


def test_tail_f_follows_files_that_are_moved_and_made_again():
    with folder() as top:
        a, b = top / "a", top / "b"
        a.write_text("".join(f"{i}\n" for i in range(30_000)))
        process = start("tail_f", "--lines", "2", a, b)

        def expect_lines(*wanted):
            for line in wanted:
                got = process.stdout.readline().decode()
                expect(got == line + "\n", f"'{line}' is not shown", got)

        expect_lines(f"==> {a} <==", "29998", "29999")
        with a.open("a") as file:
            file.write("more\n")
            file.flush()
            expect_lines("more")
            b.write_text("new\n")
            expect_lines("", f"==> {b} <==", "new")
            a.rename(top / "a.1")
            file.write("late\n")
        a.write_text("fresh\n")
        expect_lines("", f"==> {a} <==", "late", "fresh")
        b.write_text("")
        until(lambda: b"has become shorter" in process.stderr.readline(), "the truncation")
        b.write_text("again\n")
        expect_lines("", f"==> {b} <==", "again")
        process.send_signal(signal.SIGINT)
        expect(finish(process).code == 130, "Ctrl-C does not end it")


# ---- redis_client ----


class RedisServer:
    """Without anything on disk but its socket."""

    def __init__(self, top):
        self.socket = str(top / "redis.socket")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no", "--dir", str(top)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def redis_server(top):
    needs("redis-server")
    server = RedisServer(top)
    try:
        yield server
    finally:
        server.kill()


def test_redis_client_does_many_things_at_once():
    with folder() as top, redis_server(top) as server:
        result = run("redis_client", "--unix", server.socket, "--count", "100000")
        expect(result.code == 0 and "all right" in result.out, "it fails", result)
        print(re.search("increments.*", result.out)[0])


def test_redis_client_comes_back_when_the_server_does():
    needs("redis-cli")
    with folder() as top, redis_server(top) as server:
        watching = start("redis_client", "--unix", server.socket, "watch", "key")

        def see(value):
            until(lambda: subprocess.run(["redis-cli", "-s", server.socket, "set", "key", value],
                                         capture_output=True).stdout == b"OK\n", "the server")
            until(lambda: watching.stdout.readline().decode().strip() == f'"{value}"', value)

        see("before")
        server.kill()
        with redis_server(top) as server:
            see("after")
        watching.kill()
        watching.communicate()


def test_redis_client_says_that_there_is_no_server():
    with folder() as top:
        client = start("redis_client", "--unix", top / "nobody", "watch", "key")
        line = client.stderr.readline().decode()
        expect("connect to" in line and "nobody" in line and "trying again" in line, "it does not say why", line)
        client.send_signal(signal.SIGINT)
        result = finish(client)
        expect(result.code == 130, "Ctrl-C does not end it", result)


if __name__ == "__main__":
    main(globals(), __doc__)
