"""Writes the pickle that torch.save makes of a state_dict, with Python's own
pickler and stand-ins for the few names of torch that it holds. Prints the
golden of torch_test.go.
"""

import collections
import io
import pickle
import sys
import types


def module(name, **members):
    m = types.ModuleType(name)
    for k, v in members.items():
        v.__module__, v.__qualname__, v.__name__ = name, k, k
        setattr(m, k, v)
    sys.modules[name] = m


def rebuild(*args):
    raise NotImplementedError


module("torch", FloatStorage=type("FloatStorage", (), {}), HalfStorage=type("HalfStorage", (), {}))
module("torch._utils", _rebuild_tensor_v2=rebuild)
torch = sys.modules["torch"]
torch._utils = sys.modules["torch._utils"]


class Storage:
    def __init__(self, kind, key, numel):
        self.kind, self.key, self.numel = kind, key, numel


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.args = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce_ex__(self, protocol):
        return (torch._utils._rebuild_tensor_v2, self.args)


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", obj.numel)
        return None


state = collections.OrderedDict()
state["fc.weight"] = Tensor(Storage(torch.FloatStorage, "0", 6), 0, (2, 3), (3, 1))
state["fc.bias"] = Tensor(Storage(torch.HalfStorage, "1", 300), 0, (300,), (1,))
state._metadata = collections.OrderedDict()
state._metadata[""] = {"version": 1}
out = io.BytesIO()
Pickler(out, protocol=2).dump(state)
print(out.getvalue().hex())
if "-d" in sys.argv:
    import pickletools

    pickletools.dis(out.getvalue())
