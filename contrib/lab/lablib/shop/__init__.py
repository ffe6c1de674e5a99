# SPDX-License-Identifier: Apache-2.0
"""The shop: the small web application that runs once as blue and once as green.

web serves, gate says whether writes may pass, store keeps orders, meter counts, faults
injects, control takes the switches. Started by lablib.apps as `python3 -m lablib.shop`.
"""
