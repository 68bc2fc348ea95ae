"""A stock Postfix in a network namespace, with configuration, queue and data of its own.

It starts from the master.cf that Debian ships (only chroot is off, and more listeners can be added)
and from Postfix's built-in defaults; main.cf below states what is different and why. Maildir holds
what arrives for the domains it is final for. Queues and log are under the test's directory.
"""
import os
import pwd
import re
import time

from network import inside, sh

STOCK_MASTER = "/usr/share/postfix/master.cf.dist"

MAIN = """
compatibility_level = 3.9
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
mail_owner = postfix
setgid_group = postdrop
myhostname = {name}.test
mydestination =
alias_maps =
alias_database =

# A private network has no DNS.
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
inet_protocols = all
mynetworks = 127.0.0.0/8, [::1]/128, 198.18.0.0/24, [2001:2:0:1::]/64

# 10 MiB messages.
message_size_limit = 52428800
virtual_mailbox_limit = 0
mailbox_size_limit = 0

# Mail is passed on as it came, so that what arrives can be compared byte for byte.
local_header_rewrite_clients =
always_add_missing_headers = no
message_drop_headers =

# A test does not wait five minutes for a second try.
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 5s
in_flow_delay = 0

smtpd_tls_security_level = {server_level}
smtpd_tls_chain_files = {pki}/{name}.key, {pki}/{name}.crt
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {pki}/ca.crt
smtp_tls_loglevel = 1

smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {home}
virtual_mailbox_maps = static:maildir/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = {uid}
"""


class Postfix:
    """Context manager: started inside the `with`, stopped after it.

    listeners: lines for master.cf, "ADDRESS:PORT" -> list of "name=value" options of that smtpd.
    """

    def __init__(self, name, base, domains, listeners, server_level="may", settings=""):
        self.name = name
        self.home = os.path.join(base, name)
        self.domains = domains
        self.listeners = listeners
        self.server_level = server_level
        self.settings = settings
        self.pki = base

    def __enter__(self):
        self.lay_out()
        sh(*inside(self.name, "postfix", "-c", self.home, "start"))
        return self

    def __exit__(self, *_):
        sh(*inside(self.name, "postfix", "-c", self.home, "stop"), check=False)

    def lay_out(self):
        for part in ("", "queue", "data", "maildir"):
            os.makedirs(os.path.join(self.home, part), exist_ok=True)
        owner = pwd.getpwnam("postfix")
        mailbox = pwd.getpwnam("nobody")
        os.chown(os.path.join(self.home, "data"), owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.home, "maildir"), mailbox.pw_uid, mailbox.pw_gid)
        with open(os.path.join(self.home, "main.cf"), "w", encoding="ascii") as file:
            file.write(MAIN.format(home=self.home, name=self.name, pki=self.pki,
                                   server_level=self.server_level,
                                   domains=", ".join(self.domains),
                                   uid=mailbox.pw_uid, gid=mailbox.pw_gid))
            file.write(self.settings)
        with open(os.path.join(self.home, "master.cf"), "w", encoding="ascii") as file:
            file.write(self.master())

    def master(self):
        with open(STOCK_MASTER, encoding="ascii") as file:
            stock = [line for line in file if not line.startswith("#")]
        services = []
        for line in stock:
            fields = line.split(None, 7)
            if line[0].isspace() or fields[1] == "inet":
                services += [line] if line[0].isspace() else []
                continue
            fields[4] = "n"  # no chroot: the queue directory is not furnished for one
            services.append(" ".join(fields) + ("" if fields[-1].endswith("\n") else "\n"))
        for where, options in self.listeners.items():
            services.append(f"{where} inet n - n - - smtpd\n")
            services += [f"    -o {option}\n" for option in options]
        return "".join(services)

    def log(self):
        try:
            with open(os.path.join(self.home, "mail.log"), encoding="utf-8",
                      errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, pattern):
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def mailbox(self):
        """Every delivered message, as bytes with the line endings of SMTP."""
        directory = os.path.join(self.home, "maildir", "new")
        messages = []
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            with open(os.path.join(directory, name), "rb") as file:
                messages.append(file.read().replace(b"\n", b"\r\n"))
        return messages

    def mailbox_count(self):
        directory = os.path.join(self.home, "maildir", "new")
        return len(os.listdir(directory)) if os.path.isdir(directory) else 0

    def mailbox_wait(self, count, seconds, progress=lambda have: None, alive=lambda: True):
        """Waits until COUNT messages are there, or the time is over, or what should bring them is
        gone; then a moment for surplus."""
        end = time.monotonic() + seconds
        while self.mailbox_count() < count and time.monotonic() < end and alive():
            progress(self.mailbox_count())
            time.sleep(0.2)
        progress(self.mailbox_count())
        time.sleep(1)
        return self.mailbox_count()

    def queue_empty(self):
        return "Mail queue is empty" in sh(*inside(self.name, "postqueue", "-c", self.home, "-p"),
                                           check=False)
