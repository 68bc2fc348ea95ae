"""Cases of a test program: each has a sentence and counts once; the closing line sums them."""
import contextlib
import sys
import time
import traceback


class Cases:
    def __init__(self, name):
        self.name = name
        self.passed = self.failed = 0

    @contextlib.contextmanager
    def case(self, sentence):
        """The body is the case: it fails by raising, which is printed and goes no further."""
        start = time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed += 1
            print(f"FAIL {sentence} ({time.monotonic() - start:.1f} s)")
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            print(f"     {error}")
        else:
            self.passed += 1
            print(f"ok   {sentence} ({time.monotonic() - start:.1f} s)")
        sys.stdout.flush()

    def broken(self, error):
        """Something outside any case went wrong: the rest could not run."""
        self.failed += 1
        print(f"FAIL {self.name} could not go on: {error}")

    def close(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def check(true, text):
    """An assertion that says what is wrong, and stays when Python runs with -O."""
    if not true:
        raise AssertionError(text)
