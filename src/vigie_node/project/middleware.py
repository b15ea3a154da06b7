# SPDX-License-Identifier: Apache-2.0
"""Middleware of every face: request ids, safe headers, errors as pages."""
