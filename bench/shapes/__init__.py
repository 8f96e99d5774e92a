"""fastnn's estimators against scikit-learn's, NumPy and PyTorch over many shapes: ``python -m bench --shapes``.

It looks for the shapes at which fastnn is not the fastest. ``cells`` says which are measured and makes their data,
``ways`` how each library fits and predicts them, ``command`` has all take turns and checks scikit-learn's numbers
against fastnn's, ``report`` shows the ratios, and the worst of them last.
"""
