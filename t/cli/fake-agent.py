#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An agent for tests: canned bytes over a unix socket.

fake-agent.py SOCKET FOLDER: "GET /a/b?c" is answered with the bytes of
FOLDER/"GET _a_b" as they are, so that a test can cut them short or garble
them.  After a last line "HANG" the connection stays open without a word;
no file is a 404.  Each
request is appended to FOLDER/requests: method, target and body, one line.
"""
import os
import socket
import sys
import threading

NOT_FOUND = (b"HTTP/1.1 404 Not Found\r\n"
             b"Content-Type: application/problem+json\r\n\r\n"
             b'{"title":"not found","status":404,"detail":"no such thing"}')


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += conn.recv(65536)
    method, target = head.split(b" ")[:2]
    return method.decode(), target.decode(), body.decode()


def serve(conn, folder, lock):
    with conn:
        request = read_request(conn)
        if not request:
            return
        method, target, body = request
        with lock, open(os.path.join(folder, "requests"), "a") as log:
            log.write(f"{method} {target} {body}\n")
        name = f"{method} {target.split('?')[0].replace('/', '_')}"
        try:
            with open(os.path.join(folder, name), "rb") as reply:
                answer = reply.read()
        except FileNotFoundError:
            answer = NOT_FOUND
        hang = answer.endswith(b"HANG\n")
        try:
            conn.sendall(answer.removesuffix(b"HANG\n"))
            if hang:
                conn.recv(1)
        except (BrokenPipeError, ConnectionResetError):
            pass


def main():
    path, folder = sys.argv[1:3]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    lock = threading.Lock()
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, folder, lock),
                         daemon=True).start()


main()
