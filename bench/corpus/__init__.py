# SPDX-License-Identifier: Apache-2.0
"""Benign media from seeds: the same seed gives the same bytes on every machine with the same libraries."""
