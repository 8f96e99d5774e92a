"""Networks that leave the process: fastnn's own files, ONNX, C.

Every format is written from the plain-data description of a network (``fastnn.portable``). The modules are imported
when something is saved or loaded.
"""
