"""Settings of cameras, as users write them and as Prophesee's files hold them."""

from __future__ import annotations

import pytest

from eventflow.cameras.settings import Settings, biases_from_file, biases_from_texts, check_supported, checked_biases
from eventflow.errors import ParameterError


def test_a_bias_file_of_either_generation_is_read(tmp_path):
    path = tmp_path / "camera.bias"
    path.write_text(
        "% gen 3.1 CD standard biases\n300   % bias_diff           %   v\n\n-20  % bias_diff_on\n0x1F % bias_fo\n"
    )
    assert biases_from_file(path) == {"bias_diff": 300, "bias_diff_on": -20, "bias_fo": 31}


@pytest.mark.parametrize("text", ["", "% only words\n", "bias_diff 30\n", "12 %\n", "a % bias_diff\n", "\0\1\2"])
def test_what_is_no_bias_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "wrong.bias"
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"wrong\.bias"):
        biases_from_file(path)


def test_a_missing_bias_file_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ParameterError, match="No such file"):
        biases_from_file(tmp_path / "none.bias")


@pytest.mark.parametrize("text", ["diff_on", "=3", "diff_on=much", "diff_on=1.5", ""])
def test_what_is_no_bias_is_refused(text):
    with pytest.raises(ParameterError, match="NAME=NUMBER"):
        biases_from_texts([text])


def test_names_with_and_without_prefix_mean_the_same_and_bounds_are_kept():
    bounds = {"bias_diff_on": (-85, 140)}
    assert checked_biases({"diff_on": 20}, bounds, "EVK4") == {"bias_diff_on": 20}
    assert checked_biases({"bias_fo": 1}, {"fo": (0, 2)}, "EVK3") == {"fo": 1}
    with pytest.raises(ParameterError, match="-85 to 140"):
        checked_biases({"diff_on": 141}, bounds, "EVK4")
    with pytest.raises(ParameterError, match="Did you mean 'bias_diff_on'"):
        checked_biases({"bias_dif_on": 1}, bounds, "EVK4")


def test_what_a_device_lacks_is_refused_with_what_it_has():
    with pytest.raises(ParameterError, match=r"no anti_flicker, trail; it has biases, roi"):
        check_supported(Settings(anti_flicker=(50, 120), trail="trail", roi=(0, 0, 1, 1)), {"roi", "biases"}, "EVK3")
