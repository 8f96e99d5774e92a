"""What a network is made of, as a table for the terminal and for notebooks: layers, parameters, bytes, multiply-adds.

`Network.summary` makes it from the network's specification; it reads no parameter and computes no output.
"""

from fastnn.spec import NetworkSpec

HEADINGS = ("layer", "activation", "units", "parameters", "bytes", "multiply-adds")


class Summary:
    """The layers of a network and what they cost; printed it is a table.

    Parameters
    ----------
    network : NetworkSpec
        What `Network.summary` describes.

    Attributes
    ----------
    layers : list of dict
        One a layer, the inputs first: ``layer`` (its number, 0 for the inputs), ``activation``, ``units``,
        ``parameters`` (weights and biases), ``bytes`` (of the parameters) and ``multiply-adds`` (of one row).
    n_parameters : int
        Weights and biases of all layers.
    n_bytes : int
        Bytes of all parameters.
    multiply_adds : int
        Multiply-adds that one row takes through all layers, biases and activations not counted.
    """

    def __init__(self, network: NetworkSpec) -> None:
        self.title = f"Network {'-'.join(map(str, network.layer_sizes))}, {network.dtype}"
        self.layers = [dict(zip(HEADINGS, (0, "", network.n_in, 0, 0, 0), strict=True))]
        layers = zip(network.shapes, network.activations_in_words, strict=True)
        for l, ((n_in, n_out), activation) in enumerate(layers, start=1):
            n_parameters = (n_in + 1) * n_out
            n_bytes = n_parameters * network.dtype.itemsize
            values = l, activation, n_out, n_parameters, n_bytes, n_in * n_out
            self.layers.append(dict(zip(HEADINGS, values, strict=True)))
        self.n_parameters = sum(layer["parameters"] for layer in self.layers)
        self.n_bytes = sum(layer["bytes"] for layer in self.layers)
        self.multiply_adds = sum(layer["multiply-adds"] for layer in self.layers)

    def __repr__(self) -> str:
        lines = [HEADINGS, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *table])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in self._cells())
        return f"<table><caption>{self.title}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _cells(self):
        """The table as text, the totals in the last line."""
        for layer in self.layers:
            yield [_text(value) for value in layer.values()]
        units = sum(layer["units"] for layer in self.layers[1:])
        yield ["total", "", *map(_text, (units, self.n_parameters, self.n_bytes, self.multiply_adds))]


def _text(value):
    return f"{value:,}" if isinstance(value, int) else value
