# SPDX-License-Identifier: Apache-2.0
"""A provider's own program, as its authors wrote it for Arachnid Shield: it knows an address and a user, no node.

It reads what to do as JSON lines from its input and writes what it was told; the address comes from the environment
variable that the published client reads.
"""

import base64
import json
import sys

from arachnid_shield_sdk import ArachnidShield
from arachnid_shield_sdk.models import ArachnidShieldException, ScanMediaFromPdq

shield = ArachnidShield(username=sys.argv[1], password=sys.argv[2])


def do(asked):
    match asked["what"]:
        case "bytes":
            found = shield.scan_media_from_bytes(base64.b64decode(asked["content"]), asked["type"])
            return found.to_dict() | {"matches": found.matches_known_media}
        case "url":
            return shield.scan_media_from_url(asked["url"]).to_dict()
        case "pdq":
            found = shield.scan_pdq_hashes(ScanMediaFromPdq(hashes=asked["hashes"]))
            return {
                key: [one.classification, one.match_type, one.near_match_details and one.near_match_details.to_dict()]
                for key, one in found.scanned_hashes.items()
            }


for line in sys.stdin:
    try:
        told = do(json.loads(line))
    except ArachnidShieldException as error:
        told = {"refused": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")
