"""Objects by key, listed in an order."""

import bisect


class Keyspace:
    """A dictionary that also knows its keys in order. `order` makes a sort key of a key; UTF-8 by default, as the stores list."""

    def __init__(self, order=lambda key: key.encode()):
        self._order = order
        self._objects = {}
        self._sorted = []

    def __contains__(self, key):
        return key in self._objects

    def __len__(self):
        return len(self._objects)

    def get(self, key):
        return self._objects.get(key)

    def __setitem__(self, key, value):
        if key not in self._objects:
            bisect.insort(self._sorted, (self._order(key), key))
        self._objects[key] = value

    def pop(self, key):
        value = self._objects.pop(key, None)
        if value is not None:
            del self._sorted[bisect.bisect_left(self._sorted, (self._order(key), key))]
        return value

    def keys(self, start="", after=None):
        """In order, from the first that is not before `start`, after `after`."""
        place = bisect.bisect_left(self._sorted, (self._order(start),))
        if after is not None:
            place = max(place, bisect.bisect_right(self._sorted, (self._order(after), after)))
        while place < len(self._sorted):
            yield self._sorted[place][1]
            place += 1

    def page(self, prefix, delimiter, limit, start="", after=None):
        """One page: `(keys, prefixes, next)`, entries mixed in order as ("key" | "prefix", text); `next` is the last entry's text, or None at the end."""
        entries, last = [], None
        begin = max(start, prefix, key=self._order)
        skipped = after if after is not None and delimiter and after.endswith(delimiter) else None
        for key in self.keys(begin, after):
            if not key.startswith(prefix):
                break
            if skipped is not None and key.startswith(skipped):
                continue
            kind, text = "key", key
            if delimiter:
                end = key.find(delimiter, len(prefix))
                if end >= 0:
                    kind, text = "prefix", key[: end + len(delimiter)]
                    if last == text:
                        continue
            if len(entries) == limit:
                return entries, last
            entries.append((kind, text))
            last = text
        return entries, None
