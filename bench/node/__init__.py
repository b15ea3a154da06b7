# SPDX-License-Identifier: Apache-2.0
"""The node under measure: its homes, its processes, those who ask it and write to it."""
