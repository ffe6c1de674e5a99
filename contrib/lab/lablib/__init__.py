# SPDX-License-Identifier: Apache-2.0
"""The lab: a small real world on loopback for demos and end-to-end tests.

One module a part (zone, edge, postgres, apps, metrics); world says where everything is.
"""
