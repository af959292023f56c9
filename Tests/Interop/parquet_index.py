"""Column and offset index of a Parquet file, read with a few lines of Thrift of the test's own: pyarrow tells only whether they are there."""

import struct


class Compact:
    """Thrift's compact protocol, structures as dictionaries by field id."""

    def __init__(self, data, position=0):
        self.data, self.position = data, position

    def varint(self):
        result = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            self.position += 1
            return self.data[self.position - 1]
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 8:
            length = self.varint()
            self.position += length
            return self.data[self.position - length : self.position]
        if kind == 9:
            header = self.data[self.position]
            self.position += 1
            count, element = header >> 4, header & 15
            if count == 15:
                count = self.varint()
            if element in (1, 2):
                self.position += count
                return [byte == 1 for byte in self.data[self.position - count : self.position]]
            return [self.value(element) for _ in range(count)]
        if kind == 12:
            return self.structure()
        raise ValueError(f"thrift type {kind}")

    def structure(self):
        fields, last = {}, 0
        while True:
            header = self.data[self.position]
            self.position += 1
            if header == 0:
                return fields
            last = last + (header >> 4) if header >> 4 else self.zigzag()
            fields[last] = self.value(header & 15)


def footer(data):
    length = struct.unpack("<I", data[-8:-4])[0]
    return Compact(data, len(data) - 8 - length).structure()


def chunks(data):
    """Per row group and column chunk: its metadata, and its column and offset index, None where there is none."""
    for group in footer(data)[4]:
        for chunk in group[1]:
            column = Compact(data, chunk[6]).structure() if 6 in chunk else None
            offset = Compact(data, chunk[4]).structure() if 4 in chunk else None
            yield group, chunk[3], column, offset


def page_header(data, offset):
    """A page's header, and where its body begins."""
    reader = Compact(data, offset)
    return reader.structure(), reader.position
