"""A network's description: what it refuses, how it orders its layers, how it is kept in a file."""

import json

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn import (
    IF,
    LI,
    LIF,
    AvgPool2d,
    Conv2d,
    CubaLIF,
    Delay,
    DelayLinear,
    Flatten,
    Linear,
    Model,
    Neuron,
    Reset,
    Scale,
    TimeDelay,
)

CHOICES = {"step_us": 1000, "reset": "zero", "rule": "exact", "drive": "current"}


def weight(*shape):
    return np.random.default_rng(1).normal(size=shape)


def recurrent(**options):
    layers = {
        "in": Linear(weight=weight(4, 3)),
        "rec": Linear(weight=weight(4, 4), bias=weight(4)),
        "lif": LIF(tau_us=5000.0, r=1.0, v_threshold=1.0),
        "out": LI(tau_us=5000.0, r=1.0),
    }
    edges = (("input", "in"), ("in", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "out"))
    return Model(input_shape=(3,), layers=layers, edges=edges, output="out", **options)


def test_shapes_are_inferred():
    model = Model.chain(
        (2, 34, 34),
        {
            "conv": Conv2d(weight=weight(16, 2, 5, 5), stride=(2, 2), padding=((1, 1), (1, 1))),
            "pool": AvgPool2d(kernel=(2, 2), stride=(2, 2)),
            "flat": Flatten(),
            "fc": Linear(weight=weight(10, 1024)),
        },
    )
    assert model.shapes == {
        "input": (2, 34, 34), "conv": (16, 16, 16), "pool": (16, 8, 8), "flat": (1024,), "fc": (10,),
    }  # fmt: skip


def test_feedback_is_the_edge_that_leaves_the_neuron():
    model = recurrent()
    assert model.feedback == {("lif", "rec")}
    assert model.order == ("in", "rec", "lif", "out")
    discrete = model.discretise(**CHOICES)
    assert discrete.state_shapes() == {"lif.v": (4,), "out.v": (4,), "lif.out": (4,)}


def test_feedback_from_a_later_layer_leaves_the_forward_way_undelayed():
    layers = {
        "a": IF(r=1.0, v_threshold=1.0),
        "w": Linear(weight=weight(3, 3)),
        "b": IF(r=1.0, v_threshold=1.0),
        "back": Linear(weight=weight(3, 3)),
    }
    edges = (("input", "a"), ("a", "w"), ("w", "b"), ("b", "back"), ("back", "a"))
    model = Model(input_shape=(3,), layers=layers, edges=edges, output="b")
    assert model.feedback == {("b", "back")}
    assert model.order == ("back", "a", "w", "b")


def linear_model(**options):
    wired = {"layers": {"fc": Linear(weight=weight(2, 3))}, "edges": (("input", "fc"),), "output": "fc"}
    return Model(**({"input_shape": (3,)} | wired | options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"input_shape": (4,)}, r"layer 'fc' \(Linear\): takes \(3,\), the input is \(4,\)"),
        ({"input_shape": (0,)}, "input_shape"),
        ({"output": "other"}, "output is 'other'"),
        ({"edges": (("input", "fc"), ("fc", "lost"))}, "lost"),
        ({"edges": (("input", "fc"), ("fc", "input"))}, "input"),
        ({"edges": (("input", "fc"), ("input", "fc"))}, "twice"),
        ({"edges": ()}, "no path leads from 'input' to 'fc'"),
        ({"layers": {"fc": Linear(weight=np.full((2, 3), np.nan))}}, "6 of 6 values of weight are not finite"),
        ({"layers": {"fc": Linear(weight=weight(2, 3), bias=weight(3))}}, "bias has shape"),
        ({"layers": {"input": Linear(weight=weight(2, 3))}}, "the name of the network's input"),
        ({"feedback": frozenset({("fc", "fc")})}, "feedback names edges that are not there"),
        ({"layers": {"fc": Scale(scale=weight(5))}}, "does not fit"),
        ({"layers": {"fc": Scale(scale=weight(2, 3))}}, "does not fit"),
        ({"layers": {"fc": LIF(tau_us=0.0, r=1.0, v_threshold=1.0)}}, "tau_us must be above 0"),
        ({"layers": {"fc": Delay(steps=np.array([1.5, 1, 1]))}}, "whole steps"),
        ({"layers": {"fc": Delay(steps=np.array([-1, 1, 1]))}}, "whole steps"),
        ({"layers": {"fc": DelayLinear(weight=weight(2, 3), delay=np.zeros((3, 2), int))}}, "they must be equal"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(options, says):
    with pytest.raises(ParameterError, match=says):
        linear_model(**options)


def test_a_cycle_without_a_neuron_is_refused():
    with pytest.raises(ParameterError, match="has no neuron"):
        linear_model(
            layers={"fc": Linear(weight=weight(3, 3)), "s": Scale(scale=np.ones(3))},
            edges=(("input", "fc"), ("fc", "s"), ("s", "fc")),
        )


def test_sums_of_different_shapes_are_refused():
    with pytest.raises(ParameterError, match="different shapes"):
        linear_model(
            layers={"fc": Linear(weight=weight(2, 3)), "s": Scale(scale=np.ones(()))},
            edges=(("input", "fc"), ("fc", "s"), ("input", "s")),
        )


@pytest.mark.parametrize("missing", ["step_us", "reset", "rule", "drive"])
def test_nothing_is_guessed(missing):
    with pytest.raises(ParameterError, match=missing) as caught:
        recurrent().discretise(**{name: value for name, value in CHOICES.items() if name != missing})
    if missing == "reset":
        assert all(option.value in str(caught.value) for option in Reset)


def test_only_what_a_layer_needs_is_asked_for():
    model = linear_model().discretise(step_us=10)
    assert model.is_discrete
    assert model.step_us == 10


def test_a_wrong_choice_lists_the_right_ones():
    with pytest.raises(ParameterError, match=r"reset is 'hard'(.|\n)*multispike"):
        recurrent().discretise(**CHOICES | {"reset": "hard"})


def test_a_time_constant_below_an_euler_step_is_refused():
    with pytest.raises(ParameterError, match=r"'lif'.*5000 µs.*step of 6000 µs"):
        recurrent().discretise(step_us=6000, reset="zero", rule="euler", drive="current")


def test_a_delay_between_steps_is_refused():
    model = linear_model(layers={"fc": TimeDelay(delay_us=np.array([1000.0, 2000, 2500]))})
    with pytest.raises(ParameterError, match="2500 µs is not a whole number of steps"):
        model.discretise(step_us=1000)
    assert model.discretise(step_us=500).layers["fc"].steps.tolist() == [2, 4, 5]


def test_multispike_needs_a_threshold_above_zero():
    with pytest.raises(ParameterError, match="divides by the threshold"):
        linear_model(layers={"fc": IF(r=1.0, v_threshold=0.0)}).discretise(
            step_us=1, reset="multispike", drive="impulse"
        )


def test_saved_and_loaded(tmp_path):
    path = tmp_path / "net.safetensors"
    model = recurrent().discretise(**CHOICES)
    model.save(path)
    back = Model.load(path)
    assert (back.edges, back.feedback, back.output, back.step_us) == (model.edges, model.feedback, "out", 1000)
    for name, layer in model.layers.items():
        other = back.layers[name]
        assert type(layer) is type(other)
        for field, value in vars(layer).items():
            kept = getattr(other, field)
            if isinstance(value, np.ndarray):
                assert kept.dtype == value.dtype
                np.testing.assert_array_equal(kept, value)
            else:
                assert kept == value


def test_continuous_and_every_setting_of_a_convolution_are_kept(tmp_path):
    path = tmp_path / "net.safetensors"
    conv = Conv2d(
        weight=weight(4, 1, 3, 2).astype(np.float32), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2
    )
    cuba = CubaLIF(tau_syn_us=100.0, tau_mem_us=weight(4, 1, 1) ** 2, r=2.0, v_threshold=1.0)
    Model.chain((2, 9, 9), {"conv/1": conv, "cuba": cuba}).save(path)
    back = Model.load(path)
    assert {name: value for name, value in vars(back.layers["conv/1"]).items() if name != "weight"} == {
        name: value for name, value in vars(conv).items() if name != "weight"
    }
    assert back.layers["conv/1"].weight.dtype == np.float32
    np.testing.assert_array_equal(back.layers["cuba"].tau_mem_us, cuba.tau_mem_us)


def test_every_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "net.safetensors"
    linear_model().save(path)
    good = path.read_bytes()
    for index in range(0, len(good), 7):
        bad = bytearray(good)
        bad[index] ^= 0x11
        path.write_bytes(bad)
        with pytest.raises(ParameterError, match=r"net\.safetensors"):
            Model.load(path)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 60, -48, -1])
def test_a_cut_off_file_is_refused(tmp_path, size):
    path = tmp_path / "net.safetensors"
    linear_model().save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ParameterError, match=r"not a network|checksum"):
        Model.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.safetensors.*No such file"):
        Model.load(tmp_path / "nowhere.safetensors")


def test_the_file_is_safetensors(tmp_path):
    path = tmp_path / "net.safetensors"
    linear_model().save(path)
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    begin, end = header["fc.weight"]["data_offsets"]
    assert header["fc.weight"]["dtype"] == "F64"
    assert size % 8 == 0
    assert all(isinstance(value, str) for value in header["__metadata__"].values())
    np.testing.assert_array_equal(np.frombuffer(raw[8 + size :][begin:end]).reshape(2, 3), weight(2, 3))


def test_neurons_take_plain_numbers():
    neuron = Neuron(decay=0.5, gain=1, offset=0, threshold=1)
    assert neuron.decay.shape == ()
    assert neuron.spikes
