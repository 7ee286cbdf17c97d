"""Signing in as people see it: in Chromium, through a provider that we did not write, and without JavaScript."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect
from support.accessibility import problems_of
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import OWNER, Site, running_site, settings_for
from support.mail_sink import MailSink, mail_sink
from support.ports import free_port
from support.valkey import Valkey

pytestmark = pytest.mark.browser
