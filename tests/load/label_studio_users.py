"""Adds reviewers to a Label Studio and prints their tokens; run by Label Studio's own Python, with its settings.

label_studio_users.py COUNT
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

spec = find_spec("label_studio")
assert spec is not None
assert spec.origin is not None
sys.path.insert(0, str(Path(spec.origin).parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.label_studio"

import django  # noqa: E402 — after the settings are named

django.setup()

from organizations.models import Organization  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from users.models import User  # noqa: E402

organization = Organization.objects.first()
for number in range(int(sys.argv[1])):
    user = User.objects.create_user(
        f"reviewer{number}@example.org", "only-for-this-run", active_organization=organization
    )
    organization.add_user(user)
    print("token", Token.objects.get_or_create(user=user)[0].key)
