# SPDX-License-Identifier: Apache-2.0
"""The engine of Vigie: fingerprints, lists, matching, scans. No web, no database, no settings."""

__version__ = "0.1.0"
