"""Training: heads and calibration data of the packaged models, from folders of faces.

Needs the extra `train`. Nothing outside this folder imports it.
"""
