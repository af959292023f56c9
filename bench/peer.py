"""One operation of the peer, deltalake, in a process of its own: `peer.py OPERATION TABLE [ARGUMENT]`.

Prints a JSON line with the operation's own wall time, so that starting Python and importing the library do not count against it.
"""

import json
import sys
import time

from deltalake import DeltaTable, WriterProperties

operation, path, *arguments = sys.argv[1:]
started = time.perf_counter()
if operation == "compact":
    size = int(arguments[1]) if len(arguments) > 1 else None
    result = DeltaTable(path).optimize.compact(target_size=size, writer_properties=WriterProperties(compression=arguments[0].upper()))
elif operation == "zorder":
    result = DeltaTable(path).optimize.z_order(arguments[0].split(","), target_size=int(arguments[1]))
elif operation == "delete":
    result = DeltaTable(path).delete(arguments[0])
elif operation == "vacuum-dry-run":
    result = {"files": len(DeltaTable(path).vacuum(dry_run=True, full=True))}
elif operation == "checkpoint":
    DeltaTable(path).create_checkpoint()
    result = {}
elif operation == "open":
    result = {"files": len(DeltaTable(path).file_uris())}
else:
    sys.exit(f"peer.py: unknown operation {operation}")
print(json.dumps({"wallSeconds": time.perf_counter() - started, "result": result}, default=str))
