"""Review: the most suspicious labels first, decided with the keyboard."""

import streamlit as st

from app import auth, links, state
from app.components.review_card import review_card
from app.format import FALLBACK_TEXT
from app.routes.queue_wire import queue_query
from app.routes.wire import candidate_json, progress_json
from app.views import reviewing as view
from turn_core.services import permissions, projects, queues, review, runs, tags
from turn_core.services.overviews import threshold
from turn_core.types.reviewing import Role

FIRST_CANDIDATES = 60

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
run = None if project_id is None else runs.latest_complete_run(workspace, project_id)
if project_id is None or run is None:
    if page := view.nothing_yet(has_project=project_id is not None):
        st.switch_page(f"../pages/{page}.py")
    st.stop()

view.heading(run)
settles = permissions.role_of(workspace, reviewer, project_id) is Role.OWNER
queue = view.wanted_queue(state.review_queue(project_id), settles=settles)
query = queue_query(queue)
state.keep_queue_in_address(query)
candidates = queues.next_candidates(
    workspace,
    project_id,
    run.run_id,
    queue,
    limit=FIRST_CANDIDATES,
    claimant=auth.claimant(project_id),
)
wish = review_card(
    {
        "queueKey": f"{project_id}-{run.run_id}-{sorted(query.items())}",
        "api": links.project_api(project_id),
        "runId": run.run_id,
        "queue": query,
        "reviewer": reviewer,
        "settles": settles,
        "tau": threshold(run),
        "fallbacks": FALLBACK_TEXT,
        "classes": view.names_of(projects.classes(workspace, project_id)),
        "tags": [[tag.tag_id, tag.name] for tag in tags.list_tags(workspace, project_id)],
        "candidates": [candidate_json(candidate) for candidate in candidates],
        "progress": progress_json(review.progress(workspace, project_id, run.run_id)),
    },
    key="review_card",
)
if wish.page:
    st.switch_page(f"../pages/{wish.page}.py")
if wish.queue is not None:
    state.open_review_queue(project_id, wish.queue)
    st.rerun()
